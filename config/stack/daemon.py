"""supervisord inside this process, with what it lacks: one merged log, children that never outlive it, pids on disk."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from supervisor import loggers
from supervisor.dispatchers import PInputDispatcher, POutputDispatcher
from supervisor.events import ProcessCommunicationStdoutEvent
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ProcessConfig, ServerOptions
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.supervisord import Supervisor

from config.stack.leftovers import PidRecord, end_group
from config.stack.merged_log import MergedLog, ProgramLog, StackHandler

# supervisord waits one second longer after each failed start; a part whose database is away must be back at once.
LONGEST_BACKOFF_SECONDS = 2
_PR_SET_PDEATHSIG = 1


class Output(POutputDispatcher):
    """What one program writes, on its way to the merged log."""

    def _init_normallog(self) -> None:
        self.normallog = ProgramLog(self.process.config.options.merged_log, self.process.config.name)

    def close(self) -> None:
        self.normallog.flush()
        super().close()


class Child(Subprocess):
    def change_state(self, new_state, expected=True):
        changed = super().change_state(new_state, expected)
        if new_state == ProcessStates.BACKOFF:
            self.delay = min(self.delay, self.laststop + LONGEST_BACKOFF_SECONDS)
        return changed

    def _spawn_as_parent(self, pid):
        self.config.options.pid_record.add(self.config.name, pid)
        return super()._spawn_as_parent(pid)

    def finish(self, pid, sts):
        end_group(pid)
        super().finish(pid, sts)


class ChildConfig(ProcessConfig):
    def make_process(self, group=None):
        process = Child(self)
        process.group = group
        return process

    def make_dispatchers(self, proc):
        pipes = self.options.make_pipes(not self.redirect_stderr)
        dispatchers = {
            pipes["stdout"]: Output(proc, ProcessCommunicationStdoutEvent, pipes["stdout"]),
            pipes["stdin"]: PInputDispatcher(proc, "stdin", pipes["stdin"]),
        }
        return dispatchers, pipes


class Wakeup:
    """Ends supervisord's wait at a signal: it would notice a dead child or a stop up to a second later."""

    def __init__(self):
        self.fd, self._written = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        os.read(self.fd, 4096)

    def handle_error(self) -> None:
        """Nothing to close; what was signalled is handled in this round anyway."""


class Options(ServerOptions):
    """supervisord's options; `starter_pid` is the process that starts the programs in order (see `startup`)."""

    def __init__(self, *, log: MergedLog, pid_record: PidRecord, starter_pid: int):
        super().__init__()
        self.merged_log = log
        self.pid_record = pid_record
        self.starter_pid = starter_pid
        self.starter_status: int | None = None
        self._wakeup = Wakeup()

    def get_socket_map(self):
        # The one map that connections add themselves to, not a copy.
        sockets = super().get_socket_map()
        sockets[self._wakeup.fd] = self._wakeup
        return sockets

    def make_logger(self) -> None:
        self.logger = loggers.getLogger(self.loglevel)
        self.logger.addHandler(StackHandler(self.merged_log))

    def processes_from_section(self, parser, section, group_name, klass=None):
        return super().processes_from_section(parser, section, group_name, ChildConfig)

    def setpgrp(self) -> None:
        """Runs in the child. If the supervisor is killed, the kernel ends its children; `leftovers` sees to the rest."""
        super().setpgrp()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    def waitpid(self):
        pid, status = super().waitpid()
        if pid == self.starter_pid:
            self.starter_status = os.waitstatus_to_exitcode(status)
            self.pidhistory.pop(pid, None)
            return self.waitpid()
        return pid, status

    def get_signal(self):
        """A closed terminal ends the stack; supervisord would start it anew."""
        number = super().get_signal()
        return signal.SIGTERM if number == signal.SIGHUP else number


class Watch(Supervisor):
    """supervisord's loop. Ends everything when the start-up process fails."""

    _starter_told = False

    def ordered_stop_groups_phase_1(self):
        """End the programs of the highest ten of priorities together, then the next ten; supervisord takes one at a time."""
        self._end_starter()
        left = [group for group in self.stop_groups if group.get_unstopped_processes()]
        last = max((group.config.priority // 10 for group in left), default=0)
        for group in left:
            if group.config.priority // 10 == last:
                group.stop_all()

    def ordered_stop_groups_phase_2(self):
        """Phase 1 looks for itself at what still runs."""

    def _end_starter(self) -> None:
        """Told to stop during a start: nothing more may be started."""
        if self.options.starter_status is None and not self._starter_told:
            self._starter_told = True
            os.kill(self.options.starter_pid, signal.SIGTERM)

    def shutdown_report(self):
        """What keeps supervisord from ending: its programs, and the start-up process with its jobs."""
        return super().shutdown_report() or self.options.starter_status is None

    def reap(self, once=False, recursionguard=0):
        super().reap(once, recursionguard)
        if (self.options.starter_status or 0) > 0 and self.options.mood == SupervisorStates.RUNNING:
            # Start-up failed and has said why.
            self.options.mood = SupervisorStates.SHUTDOWN


def run(conf: Path, *, log: MergedLog, pid_record: PidRecord, starter_pid: int) -> int:
    """Supervise until told to stop, in the foreground. Returns the exit status: that of a failed start-up, else 0."""
    options = Options(log=log, pid_record=pid_record, starter_pid=starter_pid)
    arguments: Sequence[str] = ["--configuration", str(conf)]
    options.realize(arguments, doc=__doc__)
    options.first = True
    options.test = False
    try:
        Watch(options).main()
    except ExitNow:
        # supervisord's event loop has no other way out.
        pass
    finally:
        options.close_httpservers()
        options.close_logger()
        pid_record.clear()
    return max(options.starter_status or 0, 0)
