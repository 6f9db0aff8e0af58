"""One world for the whole matrix: two sites, two workspaces, the things in the first of each, and 41 who ask.

Everything that is asked about stands at `site` or in `workspace`; `elsewhere` and `stranger` are where others have their reach.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib.auth.models import Group

from config.kernel import clock, credentials
from config.kernel.access import Perm, credential_kind, system
from operators.access.models import AccessPolicy, Role, policy_id
from operators.access.services import set_grants
from operators.console import invites
from operators.console import room as control_room
from operators.console.models import ConsoleOperator
from operators.console.states import ProductionRole
from operators.identity.models import User
from operators.workspaces.models import Member, Workspace
from recordings.profiles import seeds
from recordings.profiles.models import RecordingProfile
from sessions.control_room import program_link
from tests.cast import ApiClient, token_of
from tests.factories.nodes import issue_token, make_node, make_site
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet
from tests.operators.workspaces.conftest import make_key

KEY_SCOPES = tuple(perm.value for perm in Perm)


@dataclass
class Caller:
    """Someone who asks.

    name     as in 03 §11
    kind     user, key, node, console, ephemeral; "nobody"; "unissued": a well-formed credential of a kind, or a place in it, that nobody holds
    role     of a user, or of a console operator
    reach    of a user: in, out, denied
    tenant   W, M, R (a member), K (a key) or "" · here: of this workspace, of this node, of this conversation
    scopes   of a key; None: all
    """

    name: str
    kind: str
    token: str | None = None
    role: str = ""
    reach: str = "in"
    tenant: str = ""
    here: bool = True
    scopes: tuple[str, ...] | None = None
    environment: str = "LIVE"
    user: User | None = None
    client: ApiClient = field(init=False)

    def __post_init__(self):
        self.client = ApiClient(self.token)

    def __str__(self):
        return self.name


# How a kind of credential is issued to the callers of its kind, once the product knows it: prefix → (world) → {caller's name: token}. Until a prefix
# has an entry, its callers come with well-formed tokens that were never issued.
def _operators(world: "World") -> dict[str, str]:
    """A guest of each production role."""
    where, tokens = control_room.locked(), {}
    for role in ProductionRole.values:
        minted = credentials.mint("tr_op_")
        ConsoleOperator.objects.create(
            control_room=where, public_id=f"guest-{role}", name=role, name_key=role, role=role, guest=True, digest=minted.digest, last_four="0000",
            last_seen=clock.now(),
        )  # fmt: skip
        tokens[f"console {role}"] = minted.token
    return tokens


def _invite(world: "World") -> dict[str, str]:
    return {"invite": invites.create(actor=world.actor, kind="role", role="viewer")[1]}


def _program(world: "World") -> dict[str, str]:
    return {"program link": program_link.rotate(actor=world.actor)["token"]}


ISSUE: dict[str, Callable[["World"], dict[str, str]]] = {"tr_op_": _operators, "tr_inv_": _invite, "tr_pgm_": _program}
UNISSUED = {
    **{f"console {role}": "tr_op_" for role in ("director", "audio", "graphics", "captioner", "viewer")},
    "ephemeral of this": "tr_eph_",
    "ephemeral of this, participant": "tr_eph_",
    "ephemeral of another": "tr_eph_",
    "invite": "tr_inv_",
    "program link": "tr_pgm_",
    "edge token": "tr_edge_",
    "calendar feed": "tr_cal_",
}
_KIND_OF_PREFIX = {"tr_op_": "console", "tr_eph_": "ephemeral"}


def in_turn(callers: list[Caller], alike: Callable[[Caller], object], turn: int, most: int = 1) -> list[Caller]:
    """Of those who are alike at `most` so many, others at each `turn`: over all rows everybody is asked."""
    groups: dict[object, list[Caller]] = {}
    for caller in callers:
        groups.setdefault(alike(caller), []).append(caller)
    return [same[(turn * most + step) % len(same)] for same in groups.values() for step in range(min(most, len(same)))]


class World:
    """Build inside a transaction that is rolled back."""

    def __init__(self):
        seeds.seed(RecordingProfile)
        AccessPolicy.objects.all().delete()
        self.actor = system("matrix")
        self.site, self.elsewhere = make_site("Here"), make_site("Elsewhere")
        self.node, self.other_node = make_node("here", site=self.site), make_node("elsewhere", site=self.elsewhere)
        self.owner = make_user("founder", roles=["owner"])  # so that nobody of the matrix is the last one
        self.person = make_user("somebody", roles=["viewer"], password="a long pass-phrase")
        self.group = Group.objects.create(name="crew")
        self.profile = RecordingProfile.objects.filter(is_default=False).first()
        self.workspace, self.stranger = self._workspace("here-works"), self._workspace("strange-works")
        self.made: dict[str, dict] = {}
        self.callers = [Caller("nobody", "nobody"), *self._users(), *self._members(), *self._keys(), *self._nodes(), *self._others()]

    def _workspace(self, slug: str) -> Workspace:
        made = Workspace.objects.create(slug=slug, name=slug, wallet_address=SigningWallet().address, roles=["CONSUMER", "SUPPLIER"])
        Member.objects.create(workspace=made, user=make_user(f"founder of {slug}"), role="OWNER")
        return made

    def allow(self, effect: str, user: User, kind: str, pk) -> None:
        """A policy about one person and one thing."""
        rule = {"effect": effect, "subject_type": "user", "subject_id": str(user.pk), "permissions": ["*"], "resource_type": kind}
        rule["resource_id"] = str(pk)
        AccessPolicy.objects.create(pk=policy_id(**rule), **rule)

    def _users(self):
        for role in Role.values:
            for reach in ("in", "out", "denied"):
                user = make_user(f"{role} {reach}", roles=[role])
                site, workspace = (self.elsewhere, self.stranger) if reach == "out" else (self.site, self.workspace)
                set_grants(kind="site", actor=self.actor, object_ids=[site.pk], user=user)
                self.allow("allow", user, "workspace", workspace.pk)
                if reach == "denied":
                    self.allow("deny", user, "site", self.site.pk)
                    self.allow("deny", user, "workspace", self.workspace.pk)
                    self.allow("deny", user, "recording_profile", "*")
                yield Caller(f"{role}, {reach}", "user", token_of(user), role=role, reach=reach, user=user)
        user = make_user("no role")
        set_grants(kind="site", actor=self.actor, object_ids=[self.site.pk], user=user)
        yield Caller("user without role", "user", token_of(user), user=user)

    def _members(self):
        for workspace in (self.workspace, self.stranger):
            for role, letter in (("OWNER", "W"), ("ADMIN", "M"), ("VIEWER", "R")):
                here = workspace is self.workspace
                user = make_user(f"{role} {workspace.slug}")
                Member.objects.create(workspace=workspace, user=user, role=role)
                name = f"{role} of {'this' if here else 'another'} workspace"
                yield Caller(name, "user", token_of(user), tenant=letter, here=here, user=user)

    def _keys(self):
        from operators.workspaces.keys import KEY_SCOPES as scopes

        mint = self._mint
        yield Caller("key", "key", mint(self.workspace, scopes), tenant="K")
        # Whichever of two scopes a row does not ask for makes the key without it: `caller_for`.
        yield Caller("key without the scope", "key", mint(self.workspace, ("workspace:read",)), tenant="K", scopes=("workspace:read",))
        yield Caller("key of another workspace", "key", mint(self.stranger, scopes), tenant="K", here=False)
        yield Caller("key of the other environment", "key", mint(self.workspace, scopes, "TEST"), tenant="K", environment="TEST")
        self.narrow_key = Caller("key without the scope", "key", mint(self.workspace, ("recording:read",)), tenant="K", scopes=("recording:read",))

    @staticmethod
    def _mint(workspace: Workspace, scopes, environment: str = "LIVE") -> str:
        owner = workspace.members.filter(role="OWNER").first().user
        return make_key(workspace, owner, environment=environment, scopes=scopes)

    def _nodes(self):
        yield Caller("this node", "node", issue_token(self.node))
        yield Caller("another node", "node", issue_token(self.other_node), here=False)

    def _others(self):
        issued = {prefix: ISSUE[prefix](self) for prefix in set(UNISSUED.values()) if prefix in ISSUE}
        for name, prefix in UNISSUED.items():
            if prefix in issued:
                yield Caller(
                    name, _KIND_OF_PREFIX.get(prefix, prefix), issued[prefix][name], role=name.rpartition(" ")[2], here="another" not in name
                )
            else:
                yield Caller(name, "unissued", credentials.mint(prefix).token)

    def caller_for(self, caller: Caller, permission: str | None) -> Caller:
        """`caller`, or where the key without the scope happens to hold it the other one."""
        return self.narrow_key if caller.scopes and permission in caller.scopes else caller


def unknown_credentials() -> list[str]:
    """Prefixes that the product knows by now, but this world has no token of."""
    return sorted(prefix for prefix in set(UNISSUED.values()) if credential_kind(prefix) and prefix not in ISSUE)
