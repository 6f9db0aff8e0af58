"""A workspace of olga (OWNER), adam (ADMIN) and vera (VIEWER), and keys of it."""

from types import SimpleNamespace

import pytest

from operators.access.services import access_changed
from operators.identity.models import SignIn
from operators.identity.selectors import actor_of
from operators.workspaces import keys
from operators.workspaces.models import Member, Workspace
from tests.cast import token_of
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet


def make_workspace(slug="acme-drones", roles=("SUPPLIER",), **members) -> Workspace:
    """`members`: OWNER=user and so on."""
    workspace = Workspace.objects.create(slug=slug, name=slug.title(), wallet_address=SigningWallet().address, roles=list(roles))
    Member.objects.bulk_create([Member(workspace=workspace, user=user, role=role) for role, user in members.items()])
    return workspace


def acting(user):
    """The actor of a new sign-in of `user`."""
    token_of(user)
    return actor_of(SignIn.objects.select_related("user").filter(user=user).latest("created_at"))


def make_key(workspace, owner, *, environment="LIVE", scopes=("workspace:read",), **facts) -> str:
    """The token of a new key."""
    return keys.mint(actor=acting(owner), workspace=workspace, label="fleet", environment=environment, scopes=list(scopes), **facts)[1]


@pytest.fixture
def acme(db):
    people = {role: make_user(name) for role, name in (("OWNER", "olga"), ("ADMIN", "adam"), ("VIEWER", "vera"))}
    workspace = make_workspace(**people)
    access_changed()
    return SimpleNamespace(workspace=workspace, path=f"/workspaces/{workspace.pk}", olga=people["OWNER"], adam=people["ADMIN"], vera=people["VIEWER"])
