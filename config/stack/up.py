"""`bin/up`: prepare everything that needs no running server, then supervise in the foreground.

The programs are started in order by a second process (see `startup`), whose memory is free again once all is ready.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from config.stack import caddy, environment, leftovers, postgres, programs, secrets, supervisor, valkey
from config.stack.environment import Plan
from config.stack.errors import StackError
from config.stack.merged_log import MergedLog
from config.stack.paths import PROJECT, Instance, make_folder, write_atomically
from config.stack.process import die_with_parent
from config.stack.programs import Program


def up(instance: Instance, *, bind: str, port: int, bare: bool) -> int:
    """Start everything and stay until told to stop. Returns the exit status."""
    uid = postgres.database_user(instance.postgres) if _is_embedded("DATABASE_URL") else None
    # Before the first folder is made: a place that won't do must stay untouched.
    postgres.require_reachable(instance.postgres, uid)
    instance.create()
    lock = _only_one(instance)
    record = leftovers.PidRecord(instance.pids)
    if leftovers.reap(record, instance.var):
        print("  ended what an earlier start had left running")
    chosen = environment.plan(instance, bind=bind, port=port)
    instance.write_record(
        id=environment.instance_id(instance), origin=chosen.origin, local_url=chosen.local_url, port=port,
        ports=chosen.ports, pid=os.getpid(), ready=False,
    )  # fmt: skip
    _clear_run_files(instance)
    secrets_for(instance)
    os.environ.update(environment.variables(instance, chosen))
    # Five processes would compile the same five hundred files at each start, half a second each.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    conf = instance.run / "supervisord.conf"
    instance.make_socket_dir("ctl")
    content = supervisor.configuration(
        prepare(instance, chosen, uid=uid),
        control_socket=instance.control_socket, pid_file=instance.run / "supervisord.pid", log=instance.log,
    )  # fmt: skip
    write_atomically(conf, content, mode=0o600)
    # Here, since the package is needed from now on only, and loaded by no other command.
    from config.stack import daemon

    starter = subprocess.Popen(
        [sys.executable, "-m", "config.stack.startup", *(["--bare"] if bare else [])],
        cwd=PROJECT, preexec_fn=die_with_parent(signal.SIGTERM),
    )  # fmt: skip
    try:
        return daemon.run(conf, log=MergedLog(instance.log), pid_record=record, starter_pid=starter.pid)
    finally:
        os.close(lock)


def _is_embedded(url_name: str) -> bool:
    return secrets.from_environment(url_name) is None


def _only_one(instance: Instance) -> int:
    """Hold the instance's lock for as long as we live: the kernel frees it, however we end. Returns its descriptor."""
    descriptor = os.open(instance.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        known = instance.read_record()
        raise StackError(
            f"Tallyroom already runs here, at {known.get('origin', 'an unknown address')} (pid {known.get('pid', '?')}).\n"
            "Stop it with bin/up stop, or run a second one beside it: TALLYROOM_VAR=var2 bin/up --port 8001"
        ) from error
    return descriptor


def _clear_run_files(instance: Instance) -> None:
    """Metrics of processes that are gone would be counted for ever."""
    shutil.rmtree(instance.metrics, ignore_errors=True)
    make_folder(instance.metrics, 0o700)


def secrets_for(instance: Instance) -> None:
    """Make the secrets that are not given from outside."""
    if _is_embedded("SECRET_KEY"):
        secrets.generated(instance.secrets, "secret_key", bytes_of_entropy=48)
    if _is_embedded("EDGE_TOKEN_KEY"):
        secrets.generated(instance.secrets, "edge_token_key", bytes_of_entropy=48)


def prepare(instance: Instance, chosen: Plan, *, uid: int | None) -> list[Program]:
    """Write the settings of every program, create what is new, and return the programs."""
    found: list[Program] = []
    if _is_embedded("DATABASE_URL"):
        found.append(_postgres(instance, chosen.ports["postgres"], uid))
    if _is_embedded("REDIS_URL"):
        broker = valkey.Broker(instance.valkey, chosen.ports["valkey"], secrets.generated(instance.secrets, "valkey"))
        valkey.prepare(broker)
        secrets.write(instance.secrets, "redis_url", broker.url)
        found.append(programs.valkey(valkey.binary(), broker.config_file))
    caddyfile = instance.run / "Caddyfile"
    write_atomically(caddyfile, caddy.caddyfile(_edge(instance, chosen)), mode=0o600)
    return [
        *found,
        programs.web(chosen.ports["web"]),
        programs.live(chosen.ports["live"]),
        programs.worker(),
        *([programs.media(chosen.ports["media"])] if environment.serves_media() else []),
        programs.beat(),
        programs.edge(caddy.binary(), caddyfile, instance.caddy),
        programs.node(instance.agent, url=chosen.local_url, authority=_authority(instance, chosen)),
    ]


def _postgres(instance: Instance, port: int, uid: int | None) -> Program:
    password = secrets.generated(instance.secrets, "postgres")
    cluster = postgres.Cluster(instance.postgres, instance.make_socket_dir("pg", uid), port, password)
    bin_dir = postgres.binaries(uid, instance.var / "pgsql")
    postgres.prepare(cluster, uid=uid, bin_dir=bin_dir)
    secrets.write(instance.secrets, "database_url", cluster.url)
    return programs.postgres(instance, bin_dir, uid)


def _edge(instance: Instance, chosen: Plan) -> caddy.Edge:
    given = [word.strip() for word in (secrets.from_environment("TRUSTED_PROXIES") or "").split(",")]
    return caddy.Edge(
        bind=chosen.bind,
        port=chosen.port,
        web_port=chosen.ports["web"],
        live_port=chosen.ports["live"],
        media_port=chosen.ports["media"] if environment.serves_media() else None,
        static_root=instance.static,
        media_root=instance.media,
        storage=instance.caddy,
        admin_socket=instance.socket_dir("ctl") / "caddy.sock",
        tls=chosen.tls,
        names=chosen.names,
        trusted_proxies=tuple(proxy for proxy in given if proxy),
    )


def _authority(instance: Instance, chosen: Plan) -> Path | None:
    return _edge(instance, chosen).authority if chosen.tls else None
