"""Django's sessions (SESSION_ENGINE), with the key stored as a digest like every other credential: a copy of the table opens nothing."""

from django.contrib.sessions.backends import db
from django.utils import timezone

from operators.identity.selectors import session_digest


def stored(session_key: str) -> str:
    """What stands in the table for a cookie's key: 160 bits of its SHA-256, as much as the column holds."""
    return session_digest(session_key).hex()[:40]


class SessionStore(db.SessionStore):
    """Synchronous, as everything is here that touches a session."""

    def _get_session_from_db(self):
        row = self.model.objects.filter(session_key=stored(self.session_key or ""), expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key):
        return super().exists(stored(session_key))

    def create_model_instance(self, data):
        row = super().create_model_instance(data)
        row.session_key = stored(row.session_key)
        return row

    def delete(self, session_key=None):
        if key := session_key or self.session_key:
            super().delete(stored(key))
