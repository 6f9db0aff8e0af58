"""Creating and editing workspaces, and who belongs to them. Every change is recorded in its transaction."""

from datetime import timedelta

from django.db import IntegrityError, transaction

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Kind, Perm, ports
from config.kernel.errors import ApiError
from operators import verbs
from operators.access.backend import actor_of_user
from operators.access.services import access_changed
from operators.identity.models import SignIn, User
from operators.identity.wallets.models import Purpose, Wallet
from operators.identity.wallets.services import prove, user_of_wallet
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.guards import demand, demand_installation, demand_owner
from operators.workspaces.models import Member, Workspace
from operators.workspaces.selectors import memberships
from operators.workspaces.states import MemberRole

PER_WALLET_A_DAY, PER_WALLET, MEMBERS = 5, 10, 200


def _subject(workspace: Workspace) -> tuple[str, str, str]:
    return ("workspace", str(workspace.pk), workspace.slug)


def create(*, slug: str, name: str, wallet_address: str, roles: list[str], nonce: str, signature: str) -> Workspace:
    """A workspace of the wallet that signed a `create-workspace` challenge; its holder becomes OWNER.

    ApiError challenge_invalid, signature_invalid, sign_in_failed (a disabled user), slug_taken, limit_reached.
    """
    prove(address=wallet_address, nonce=nonce, signature=signature, purpose=Purpose.CREATE_WORKSPACE)
    with transaction.atomic():
        owner = user_of_wallet(address=wallet_address)
        if not owner.is_active:
            raise ApiError("sign_in_failed")
        # Creations of one wallet wait for one another, so that its limits hold.
        Wallet.objects.select_for_update().get(address=wallet_address)
        _demand_room(wallet_address)
        try:
            with transaction.atomic():
                workspace = Workspace.objects.create(slug=slug, name=name, wallet_address=wallet_address, roles=roles)
        except IntegrityError as error:
            raise ApiError("slug_taken") from error
        Member.objects.create(workspace=workspace, user=owner, role=MemberRole.OWNER)
        ports.record(verbs.WORKSPACE_CREATED, actor=actor_of_user(owner), subject=_subject(workspace), outcome="succeeded", after=snapshot(workspace))
        access_changed()
    return workspace


def _demand_room(wallet_address: str) -> None:
    mine = Workspace.objects.filter(wallet_address=wallet_address)
    for limit, rows in ((PER_WALLET, mine), (PER_WALLET_A_DAY, mine.filter(created_at__gt=clock.now() - timedelta(days=1)))):
        if rows.count() >= limit:
            raise ApiError("limit_reached", data={"limit": limit})


def _locked(workspace: Workspace) -> Workspace:
    """The row, held to the end of the transaction: members and keys of one workspace change one after another. What points at it meanwhile (a
    session that is accepted) need not wait, and so holds nothing that an edit waits for."""
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def hold_workspaces_of(user: User) -> None:
    """Wait for whoever changes members where `user` belongs, and let them wait: of two OWNERs who go at once the second sees that the first has gone."""
    list(Workspace.objects.select_for_update(no_key=True).filter(pk__in=memberships(user).values("workspace_id")).order_by("pk"))


@transaction.atomic
def update(*, actor: Actor, workspace: Workspace, changes: dict, check=lambda _row: None) -> Workspace:
    """Set `name`, `declared_offline`, `coverage`, `device_kind`. `check(row)` sees the row under its lock (If-Match). ApiError workspace_suspended."""
    row = _locked(workspace)
    demand(actor, row, Perm.WORKSPACE_MANAGE)
    check(row)
    before = snapshot(row)
    for name, value in changes.items():
        setattr(row, name, value)
    if snapshot(row) != before:
        row.revision += 1
        row.save()
        _default_operators_follow(row)
        ports.record(verbs.WORKSPACE_UPDATED, actor=actor, subject=_subject(row), outcome="succeeded", before=before, after=snapshot(row))
    return row


def _default_operators_follow(workspace: Workspace) -> None:
    """Coverage and device kind of a workspace are those of what stands for it (05 §1)."""
    circle = workspace.coverage or {}
    center = circle.get("center") or {}
    DeviceOperator.objects.filter(workspace=workspace, is_default=True, deleted_at=None).update(
        kind=workspace.device_kind,
        coverage_lat=center.get("lat"),
        coverage_lng=center.get("lng"),
        coverage_radius_meters=circle.get("radiusMeters"),
        updated_at=clock.now(),
    )


@transaction.atomic
def suspend(*, actor: Actor, workspace: Workspace, suspended: bool) -> None:
    """Refuse its members and keys from now on, or no longer. Live sessions run to their end. ApiError permission_denied for who is only a member."""
    row = _locked(workspace)
    demand_installation(actor, row)
    if (row.suspended_at is not None) == suspended:
        return
    before = snapshot(row)
    row.suspended_at = clock.now() if suspended else None
    row.revision += 1
    row.save()
    verb = verbs.WORKSPACE_SUSPENDED if suspended else verbs.WORKSPACE_RESUMED
    ports.record(verb, actor=actor, subject=_subject(row), outcome="succeeded", before=before, after=snapshot(row))
    access_changed()


@transaction.atomic
def add_member(*, actor: Actor, workspace: Workspace, role: str, user_id=None, wallet_address: str | None = None) -> Member:
    """Exactly one of `user_id` and `wallet_address`; an unseen wallet gets its user. ApiError reference_not_found, already_member, limit_reached."""
    row = _locked(workspace)
    demand(actor, row, Perm.WORKSPACE_MANAGE)
    if role == MemberRole.OWNER:
        demand_owner(actor, row, Perm.WORKSPACE_MANAGE)
    user = user_of_wallet(address=wallet_address) if wallet_address else User.objects.filter(pk=user_id).first()
    if user is None:
        raise ApiError("reference_not_found", data={"path": "userId"})
    if row.members.filter(user=user).exists():
        raise ApiError("already_member")
    if row.members.count() >= MEMBERS:
        raise ApiError("limit_reached", data={"limit": MEMBERS})
    member = Member.objects.create(workspace=row, user=user, role=role)
    _record_member(verbs.MEMBER_ADDED, actor, member, after=snapshot(member))
    return member


@transaction.atomic
def change_role(*, actor: Actor, member: Member, role: str) -> Member:
    """ApiError last_owner, workspace_suspended; permission_denied unless an OWNER gives or takes OWNER."""
    workspace, member = _held(member)
    demand(actor, workspace, Perm.WORKSPACE_MANAGE)
    if role == member.role:
        return member
    if MemberRole.OWNER in (role, member.role):
        demand_owner(actor, workspace, Perm.WORKSPACE_MANAGE)
    _demand_another_owner(member)
    before = snapshot(member)
    member.role = role
    member.save(update_fields=["role"])
    _record_member(verbs.MEMBER_CHANGED, actor, member, before=before, after=snapshot(member))
    return member


@transaction.atomic
def remove_member(*, actor: Actor, member: Member) -> None:
    """Take someone out, or leave oneself. ApiError last_owner, workspace_suspended; permission_denied for an OWNER unless by one."""
    workspace, member = _held(member)
    leaving = actor.kind is Kind.USER and str(member.user_id) == actor.id
    if leaving and workspace.suspended_at is not None:
        raise ApiError("workspace_suspended")
    if not leaving:
        demand(actor, workspace, Perm.WORKSPACE_MANAGE)
        if member.role == MemberRole.OWNER:
            demand_owner(actor, workspace, Perm.WORKSPACE_MANAGE)
    _demand_another_owner(member)
    _record_member(verbs.MEMBER_REMOVED, actor, member, before=snapshot(member))
    member.delete()


def _held(member: Member) -> tuple[Workspace, Member]:
    workspace = _locked(member.workspace)
    held = Member.objects.select_related("user", "workspace").filter(pk=member.pk).first()
    if held is None:
        raise ApiError("not_found")
    return workspace, held


def _demand_another_owner(member: Member) -> None:
    """One OWNER always remains; asked under the workspace's lock."""
    others = Member.objects.filter(workspace_id=member.workspace_id, role=MemberRole.OWNER).exclude(pk=member.pk)
    if member.role == MemberRole.OWNER and not others.exists():
        raise ApiError("last_owner")


def _record_member(verb: str, actor: Actor, member: Member, **sides) -> None:
    who = {"user_id": str(member.user_id), "user": member.user.label}
    ports.record(verb, actor=actor, subject=_subject(member.workspace), outcome="succeeded", details=who, **sides)
    access_changed()


@transaction.atomic
def select(*, actor: Actor, workspace: Workspace) -> Member:
    """Make it this sign-in's active workspace; it gives no permission. ApiError reference_not_found for one that the user does not belong to."""
    member = memberships(actor.subject).filter(workspace=workspace).first()
    if member is None:
        raise ApiError("reference_not_found", data={"path": "workspaceId"}, about=[(Workspace, workspace.pk)])
    if SignIn.objects.filter(pk=actor.sign_in_id).exclude(active_workspace_id=workspace.pk).update(active_workspace_id=workspace.pk):
        ports.record(verbs.WORKSPACE_SELECTED, actor=actor, subject=_subject(member.workspace), outcome="succeeded")
    return member
