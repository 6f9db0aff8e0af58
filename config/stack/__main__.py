"""`python -m config.stack`: what `bin/up` is once the environment is installed."""

from __future__ import annotations

import argparse
import ipaddress
import sys
import time

from config.stack import addresses, leftovers
from config.stack.environment import DEFAULT_PORT
from config.stack.errors import StackError
from config.stack.paths import Instance
from config.stack.supervisor import Control
from config.stack.up import up

STOP_PATIENCE_SECONDS = 60


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    instance = Instance.from_environment()
    try:
        if options.command == "up":
            return up(instance, bind=options.bind, port=options.port, bare=options.bare)
        return _control(options, Control(instance.control_socket), instance)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/up",
        description="Start Tallyroom and stay until Ctrl-C. State lies in var/, or in TALLYROOM_VAR.",
        epilog="Beside a running one: bin/up status · bin/up hold NAME · bin/up release NAME · bin/up stop",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("up", help="start everything in the foreground (the default)")
    start.add_argument("--bare", action="store_true", help="no local node, no demo data")
    start.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"the public port (default {DEFAULT_PORT})")
    start.add_argument(
        "--bind", type=_address, default=addresses.LOOPBACK[0],
        help="the address to listen on (default 127.0.0.1); any but a loopback one serves HTTPS",
    )  # fmt: skip
    commands.add_parser("status", help="what runs")
    commands.add_parser("stop", help="end everything and wait for it")
    for name, text in (("hold", "end one program and keep it down"), ("release", "let a held program run again")):
        commands.add_parser(name, help=text).add_argument("name", metavar="NAME")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _address(text: str) -> str:
    if text == "localhost":
        return addresses.LOOPBACK[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError("give an address of this machine, or 0.0.0.0 for all of them") from error


def _control(options: argparse.Namespace, control: Control, instance: Instance) -> int:
    if options.command == "hold":
        control.stop(options.name)
        print(f"{options.name} is held down until: bin/up release {options.name}")
    elif options.command == "release":
        control.start(options.name)
        print(f"{options.name} runs again")
    elif options.command == "stop":
        _stop(control, instance)
    else:
        print(instance.read_record().get("origin", ""))
        for name, row in control.programs().items():
            pid = f"pid {row['pid']}, {row['uptime_seconds']} s" if row["pid"] else ""
            print(f"{name:<9} {row['state']:<9} {pid}".rstrip())
    return 0


def _stop(control: Control, instance: Instance) -> None:
    pid = instance.read_record().get("pid")
    control.shutdown()
    deadline = time.monotonic() + STOP_PATIENCE_SECONDS
    while pid and (found := leftovers.status(pid)) and found.state != "Z":
        if time.monotonic() > deadline:
            raise StackError(f"Tallyroom (pid {pid}) has not ended after {STOP_PATIENCE_SECONDS} s; see {instance.log}.")
        time.sleep(0.1)
    print("stopped")


if __name__ == "__main__":
    raise SystemExit(main())
