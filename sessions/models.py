"""Every table of the app; the classes live in their capability."""

from sessions.field.models import FieldSession, SessionEvent, SessionGroupGrant, SessionUserGrant

__all__ = ["FieldSession", "SessionEvent", "SessionGroupGrant", "SessionUserGrant"]
