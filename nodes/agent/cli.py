"""The command line: run enrol check devices status drain jobs record export upload version.

Exits: 0 done · 64 usage · 69 refused or unreachable · 73 locked · 75 restart · 78 configuration ·
130 a second signal.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable

from nodes.agent import commands, config, identity, inventory, logs, sources

EXIT_USAGE, EXIT_REFUSED, EXIT_LOCKED, EXIT_CONFIG = 64, 69, 73, 78
LEVELS = ("debug", "info", "warning", "error")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", metavar="FILE", help="default /etc/tallyroom/agent.toml")
    common.add_argument("--data-dir", metavar="DIR", help="default $STATE_DIRECTORY or var/agent")
    common.add_argument("--url", help="the controller's address")
    common.add_argument("--node", metavar="ID", help="this node's id")
    common.add_argument("--insecure", action="store_true", help="allow plain http off loopback")
    common.add_argument("--ca-file", metavar="PEM")
    common.add_argument(
        "--interface",
        action="append",
        metavar="SOURCE",
        help='declare an interface: a source, or JSON {"source", "sample_rate", "channels", '
        '"alias", "sample_format"}; may be repeated; "test" is the built-in test signal',
    )
    common.add_argument("--no-discover", dest="discover", action="store_false")
    common.add_argument("--progress", choices=("auto", "line", "json", "off"))
    common.add_argument("--log-format", choices=("text", "json"))
    common.add_argument("--log-level", choices=LEVELS)
    common.add_argument("--once", action="store_true", help="one heartbeat, one config, exit")
    parser = _Parser(
        prog="python -m nodes.agent",
        description="The Tallyroom recorder agent.",
        parents=[common],
        argument_default=argparse.SUPPRESS,
    )
    verbs = parser.add_subparsers(dest="verb", parser_class=_Parser, metavar="COMMAND")

    def verb(name: str, help_text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=help_text, parents=[common], argument_default=argparse.SUPPRESS)

    verb("run", "serve this node (default)")
    enrol = verb("enrol", "read a credential from stdin, try it, keep it")
    enrol.add_argument("--ca-sha256", metavar="HEX", help="fetch /ca.pem and keep it if it matches")
    verb("check", "configuration, credential, controller, sources, disk")
    verb("devices", "list what could be captured")
    verb("status", "what the data folder says").add_argument("--json", action="store_true")
    drain = verb("drain", "claim no more; wait for captures and uploads to end")
    drain.add_argument("--off", action="store_true", help="claim again")
    drain.add_argument("--no-wait", action="store_true")
    verb("jobs", "list the jobs in the data folder").add_argument("--json", action="store_true")
    record = verb("record", "capture to a file, without a controller")
    record.add_argument("--source", required=True)
    record.add_argument("--seconds", required=True, type=float)
    record.add_argument("--out", required=True, metavar="FILE")
    record.add_argument("--rate", type=int, default=48000)
    record.add_argument("--channels", type=int, default=2)
    record.add_argument("--format", choices=sorted(sources.DTYPES), default="s16")
    export = verb("export", "render a job's segments to a file")
    export.add_argument("job")
    export.add_argument("out")
    verb("upload", "offer a job's file again").add_argument("job")
    verb("version", "print the version")
    return parser


_RUNS: dict[str, Callable[..., int]] = {
    "check": commands.check,
    "devices": commands.devices,
    "status": commands.status,
    "drain": commands.drain,
    "jobs": commands.jobs,
    "record": commands.record,
    "export": commands.export,
}


def main(argv: list[str] | None = None) -> int:
    flags = vars(build_parser().parse_args(argv))
    verb = flags.pop("verb", "run")
    if verb == "version":
        print(inventory.AGENT_VERSION)
        return 0
    try:
        settings = commands.load_settings(flags)
        persistent = verb in ("run", "upload")
        logs.configure(settings.log_format, settings.log_level, settings.data_dir if persistent else None)
        if verb in _RUNS:
            return _RUNS[verb](settings, flags)
        if verb == "enrol":
            return asyncio.run(commands.enrol(settings, flags))
        with identity.lock(settings.data_dir):
            if verb == "upload":
                return asyncio.run(commands.upload(settings, flags))
            return asyncio.run(commands.run(settings))
    except identity.Locked as error:
        return _complain(error, EXIT_LOCKED)
    except (config.ConfigError, sources.SourceError) as error:
        return _complain(error, EXIT_CONFIG)
    except PermissionError as error:
        return _complain(error, EXIT_CONFIG)
    except KeyboardInterrupt:
        return 130


def _complain(error: Exception, code: int) -> int:
    print(f"tallyroom agent: {error}", file=sys.stderr)
    return code
