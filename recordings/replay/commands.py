"""Replay's commands in `GET /control-room/actions`."""

from config.kernel.access import Subsystem
from operators.console.commands import Command, register_command

_COMMANDS = {
    "replayMarkIn": ("POST", "mark-in"),
    "replayMarkOut": ("POST", "mark-out"),
    "replayQuick": ("POST", "quick"),
    "replayDropMark": ("DELETE", "mark"),
    "replayPlay": ("POST", "play"),
    "replayPause": ("POST", "pause"),
    "replayStop": ("POST", "stop"),
}


def register() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    for name, (method, rest) in _COMMANDS.items():
        register_command(Command(name, method, f"/control-room/replay/{rest}", Subsystem.REPLAY))
