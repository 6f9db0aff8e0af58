"""People, made without the cost of hashing a password that no test uses."""

from itertools import count

from config.kernel.access import system
from operators.access.models import Role
from operators.access.services import set_roles
from operators.identity.models import User

_numbers = count(1)


def make_user(name: str = "", *, roles=(), password: str | None = None, **fields) -> User:
    """A user with these roles; `password` only where a test signs in by it."""
    name = name or f"person{next(_numbers)}"
    email = fields.pop("email", f"{name.lower().replace(' ', '.')}@example.org")
    user = User.objects.create_user(email, password, email=email, name=name.title(), **fields)
    if roles:
        set_roles(user=user, roles=[Role(role) for role in roles], actor=system("tests"))
    return user
