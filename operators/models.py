"""The app's tables, found by Django here; each lives in its capability."""

from operators.access.models import AccessPolicy, GroupRole, UserRole
from operators.identity.models import SignIn, User

__all__ = ["AccessPolicy", "GroupRole", "SignIn", "User", "UserRole"]
