"""What access leaves behind, swept daily."""

from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session

from config.kernel import clock
from config.kernel.tasks import periodic
from operators.identity import expiry
from operators.identity.models import SignIn

# People look at what was signed in lately; a lock looks back a quarter of an hour.
KEEP_DEAD_SIGN_INS = timedelta(days=30)
KEEP_ATTEMPTS = timedelta(days=1)


@periodic("access.purge", every=24 * 3600)
def purge() -> dict:
    """Remove long dead sign-ins, expired browser sessions, attempts that no lock counts any more, spent challenges and logins, and unseen wallets."""
    now = clock.now()
    return {
        "sign_ins": SignIn.objects.filter(expires_at__lt=now - KEEP_DEAD_SIGN_INS).delete()[0],
        "sessions": Session.objects.filter(expire_date__lt=now).delete()[0],
        "spent": expiry.forget_spent(),
        "wallets": expiry.forget_unseen(),
        "attempts": AccessAttempt.objects.filter(attempt_time__lt=now - KEEP_ATTEMPTS).delete()[0],
    }
