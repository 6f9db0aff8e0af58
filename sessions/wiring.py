"""What sessions tells the lower apps at start: kinds, ports, topics."""

from operators.access import scopes
from sessions.field.models import FieldSession, SessionEvent, SessionGroupGrant, SessionUserGrant
from sessions.media.models import MediaEvent, MediaInput, MediaTeardown, ViewerToken


def connect() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    scopes.register_kind(
        "session",
        FieldSession,
        ancestors={"workspace": ("consumer_workspace_id", "operator_workspace_id")},
        grant_models=(SessionUserGrant, SessionGroupGrant),
        environment="environment",
    )
    scopes.register_kind("media_input", MediaInput, ancestors={"session": "session_id"})
    scopes.register_kind("media_event", MediaEvent, ancestors={"media_input": "input_id"})
    scopes.register_kind("viewer_token", ViewerToken, ancestors={"media_input": "input_id"})
    scopes.register_kind("media_teardown", MediaTeardown, ancestors={"media_input": "input_id"})
    scopes.register_kind("session_event", SessionEvent, ancestors={"session": "session_id"})
