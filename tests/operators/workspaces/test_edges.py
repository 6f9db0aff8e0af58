"""The rarer turns of workspaces: what changes nothing, what is gone meanwhile, who may no longer."""

import pytest

from audit.models import AuditEvent
from config.kernel.access import Perm
from config.kernel.errors import ApiError
from operators.identity.models import User
from operators.workspaces import availability, guards, services
from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from operators.workspaces.models import Member, Workspace
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet
from tests.operators.workspaces.conftest import acting, make_workspace

pytestmark = pytest.mark.django_db


def code(reply) -> tuple[int, str]:
    return reply.status_code, reply.json().get("code")


def test_what_changes_nothing_is_done_and_not_recorded(api, acme, alice):
    olga, vera = api(acme.olga), Member.objects.get(workspace=acme.workspace, user=acme.vera)
    assert olga.patch(acme.path, {"name": acme.workspace.name}).status_code == 200
    assert olga.patch(f"{acme.path}/members/{vera.pk}", {"role": "VIEWER"}).json()["data"]["role"] == "VIEWER"
    services.suspend(actor=acting(alice), workspace=acme.workspace, suspended=False)
    assert not AuditEvent.objects.filter(verb__startswith="workspace.").exists()


def test_a_member_who_was_taken_out_meanwhile_is_not_there(acme):
    vera = Member.objects.get(workspace=acme.workspace, user=acme.vera)
    services.remove_member(actor=acting(acme.olga), member=vera)
    for again in (
        lambda: services.remove_member(actor=acting(acme.olga), member=vera),
        lambda: services.change_role(actor=acting(acme.olga), member=vera, role="ADMIN"),
    ):
        vera.pk = vera.pk or "01900000-0000-7000-8000-000000000000"
        with pytest.raises(ApiError) as refusal:
            again()
        assert refusal.value.code == "not_found"


def test_nobody_leaves_a_suspended_workspace(api, acme, alice):
    vera = Member.objects.get(workspace=acme.workspace, user=acme.vera)
    services.suspend(actor=acting(alice), workspace=acme.workspace, suspended=True)
    assert code(api(acme.vera).delete(f"{acme.path}/members/{vera.pk}")) == (403, "workspace_suspended")
    assert Member.objects.filter(pk=vera.pk).exists()


def test_the_wallet_of_a_disabled_user_makes_no_workspace(api):
    wallet = SigningWallet()
    wallet.sign_in(api(), cookie=False)
    User.objects.filter(wallets__address=wallet.address).update(disabled_at="2026-01-01T00:00:00Z")
    body = {"slug": "acme-drones", "name": "Acme", "roles": ["SUPPLIER"], **wallet.proof(api(), "/workspaces/challenge")}
    assert code(api().post("/workspaces", body)) == (401, "sign_in_failed")
    assert not Workspace.objects.exists()


def test_a_workspace_of_others_is_not_selected(acme):
    other = make_workspace("others", OWNER=make_user("other"))
    with pytest.raises(ApiError) as refusal:
        services.select(actor=acting(acme.vera), workspace=other)
    assert refusal.value.code == "reference_not_found"


def test_choosing_the_same_workspace_again_changes_nothing(acme):
    vera = acting(acme.vera)
    for _ in range(2):
        assert services.select(actor=vera, workspace=acme.workspace).user == acme.vera
    assert AuditEvent.objects.filter(verb="workspace.selected").count() == 1


def test_who_sees_it_and_may_not_is_told_by_which_rule(acme):
    with pytest.raises(ApiError) as refusal:
        guards.demand(acting(acme.vera), acme.workspace, Perm.WORKSPACE_MANAGE)
    assert (refusal.value.code, refusal.value.data["permission"]) == ("permission_denied", "workspace:manage")


def test_an_unknown_member_is_not_there_and_an_unknown_parameter_is_400(api, acme):
    nobody = f"{acme.path}/members/01900000-0000-7000-8000-000000000000"
    assert code(api(acme.olga).delete(nobody)) == (404, "not_found")
    assert code(api(acme.olga).delete(f"{nobody}?force=1")) == (400, "unknown_parameter")


@pytest.mark.parametrize("lat", [True, "52.5", 90.5, None])
def test_degrees_are_numbers(api, acme, lat):
    body = {"coverage": {"center": {"lat": lat, "lng": 13.4}, "radiusMeters": 500}}
    assert code(api(acme.olga).patch(acme.path, body)) == (400, "validation_failed")


def test_who_knows_of_busy_ones_is_asked_once_however_often_it_registers(acme):
    asked = []

    def busy(ids, environment):
        asked.append(environment)
        return set()

    availability.register_busy(busy)
    availability.register_busy(busy)
    try:
        availability.availability_of([acme.workspace])
    finally:
        availability.unregister_busy(busy)
    assert asked == ["LIVE"]


def test_a_device_is_called_by_its_label_and_its_key_by_its_address():
    assert (str(DeviceOperator(label="Drone 4")), str(DeviceKey(address="0xabc"))) == ("Drone 4", "0xabc")
