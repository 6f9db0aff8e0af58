"""Every table of the app; the classes live in their capability."""

from sessions.field.models import FieldSession, SessionEvent, SessionGroupGrant, SessionUserGrant
from sessions.media.models import MediaEvent, MediaInput, MediaTeardown, ViewerToken

__all__ = [
    "FieldSession", "MediaEvent", "MediaInput", "MediaTeardown", "SessionEvent", "SessionGroupGrant", "SessionUserGrant", "ViewerToken",
]  # fmt: skip
