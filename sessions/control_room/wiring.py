"""What the production tells access, the control room and the field sessions at start."""

from config.kernel import loops
from config.kernel.access import Kind, Subsystem, register_credential
from operators.access import scopes
from operators.console import state
from operators.console.commands import Command, register_command
from operators.console.models import ControlRoom
from sessions.control_room import captions, desk, fallback, program_link, shapes, sources
from sessions.control_room.models import CaptionLine, Production, ProductionSource, ProgramLink, ReplayChannel, ViewerRemoval
from sessions.field import services as field_sessions

_COMMANDS = (
    Command("preview", "POST", "/control-room/preview", Subsystem.SWITCHING),
    Command("cut", "POST", "/control-room/cut", Subsystem.SWITCHING),
    Command("take", "POST", "/control-room/take", Subsystem.SWITCHING),
    Command("sessionDispatch", "POST", "/control-room/sessions/{id}/dispatch", Subsystem.SWITCHING),
    Command("sessionCancel", "POST", "/control-room/sessions/{id}/cancel", Subsystem.SWITCHING),
    Command("sessionEnd", "POST", "/control-room/sessions/{id}/end", Subsystem.SWITCHING),
    Command("gain", "POST", "/control-room/audio/gain", Subsystem.AUDIO),
    Command("mute", "POST", "/control-room/audio/mute", Subsystem.AUDIO),
    Command("lowerThird", "PUT", "/control-room/lower-third", Subsystem.GRAPHICS),
    Command("lowerThirdShow", "POST", "/control-room/lower-third/show", Subsystem.GRAPHICS),
    Command("lowerThirdHide", "POST", "/control-room/lower-third/hide", Subsystem.GRAPHICS),
    Command("slate", "PUT", "/control-room/slate", Subsystem.GRAPHICS),
    Command("caption", "POST", "/control-room/captions", Subsystem.CAPTIONS),
    Command("captionsClear", "POST", "/control-room/captions/clear", Subsystem.CAPTIONS),
)


def connect() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    for kind, model in {
        "production": Production,
        "production_source": ProductionSource,
        "caption_line": CaptionLine,
        "replay_channel": ReplayChannel,
        "program_link": ProgramLink,
        "viewer_removal": ViewerRemoval,
    }.items():
        scopes.register_kind(kind, model, open=True, policies=False)
    register_credential(program_link.TOKEN_PREFIX, Kind.PROGRAM, program_link.actor_of_token)
    state.register_part(read)
    for one in _COMMANDS:
        register_command(one)
    for hooks, hook in ((field_sessions.leaving_live, fallback.source_left), (field_sessions.gone_live, _wake)):
        if hook not in hooks:
            hooks.append(hook)


def _wake(_session) -> None:
    """The room hears of a new source with the next tick, which comes at once."""
    loops.wake(fallback.SYSTEM_TASK)


def read(room: ControlRoom) -> dict:
    """The production's parts of ControlRoomState."""
    production = desk.production_of(room)
    link = ProgramLink.objects.filter(control_room=room).first() if room.created_at else None
    return {
        "sources": sources.shapes(room, production),
        "program": shapes.program(room, production),
        "preview": shapes.preview(room, production),
        "slate": shapes.slate(production),
        "lower_third": shapes.lower_third(production),
        "captions": [shapes.caption(line) for line in captions.showing(room)],
        "replay": shapes.replay(desk.channel_of(room)),
        "program_link": shapes.program_link(link or ProgramLink(control_room=room)),
    }
