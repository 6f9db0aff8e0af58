"""The verbs of a field session; the only writers of its state (05 §3)."""

from sessions.field.locking import locked

__all__ = ["locked"]
