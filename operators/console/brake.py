"""Tokens can't be tried out at the door of the control room (04 §1): 20 failed attempts per minute and address."""

from operators.identity import throttles

_FAILURES = 20
# A name that is taken or an invite used up is no guess.
_GUESSES = frozenset(
    {"not_authenticated", "credential_invalid", "credential_expired", "credential_revoked", "credential_not_accepted", "invite_invalid"}
)


def bounded(request):
    """A context manager around an attempt; ApiError throttled."""
    return throttles.guesses(request, "operator", _FAILURES, _GUESSES)
