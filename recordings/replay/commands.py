"""Replay's commands in `GET /control-room/actions`."""

from config.kernel.access import Subsystem
from operators.console.commands import Command, register_command
from sessions.control_room import replay_channel

_COMMANDS = {
    "replayMarkIn": ("POST", "mark-in"),
    "replayMarkOut": ("POST", "mark-out"),
    "replayQuick": ("POST", "quick"),
    "replayDropMark": ("DELETE", "mark"),
    "replayPlay": ("POST", "play"),
    "replayPause": ("POST", "pause"),
    "replayStop": ("POST", "stop"),
}
# They ask for a clip in the channel.
_OF_A_CLIP = {"pause", "stop"}


def register() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    for name, (method, rest) in _COMMANDS.items():
        why_not = replay_channel.why_nothing_to_hold if rest in _OF_A_CLIP else None
        register_command(Command(name, method, f"/control-room/replay/{rest}", Subsystem.REPLAY, why_not=why_not))
