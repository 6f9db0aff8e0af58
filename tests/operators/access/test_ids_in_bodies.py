"""An id in a body is checked like one in a path: hidden is absent, invalid comes first, one query serves many."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from config.kernel import references
from config.kernel.access import Perm, system
from config.kernel.errors import ApiError
from config.kernel.references import AnyReference, NumberedReference, ScopedReference
from config.kernel.serializers import Serializer
from operators.access.backend import actor_of_user
from operators.access.models import AccessPolicy
from operators.access.services import set_grants
from tests.factories.nodes import make_node, make_site

pytestmark = pytest.mark.django_db
NOWHERE = "01900000-0000-7000-8000-000000000000"


class Place(Serializer):
    site_id = ScopedReference("site", Perm.NODE_READ, source="site")


class Body(Serializer):
    place = Place(required=False, allow_null=True)
    places = Place(many=True, required=False)
    node_ids = serializers.ListField(child=ScopedReference("node", Perm.NODE_READ), required=False, source="nodes")
    group_id = NumberedReference("group", Perm.AUTH_MANAGE, required=False)
    kind = serializers.CharField(required=False)
    thing_id = AnyReference(Perm.NODE_READ, kind_from="kind", everything=True, required=False, allow_null=True)
    policy_id = ScopedReference("retention_policy", Perm.SETTINGS_READ, needs=Perm.SETTINGS_MANAGE, keep_id=True, required=False, allow_null=True)


def looked_up(user, **body) -> dict:
    said = Body(data=body)
    said.is_valid(raise_exception=True)
    references.resolve(said, actor_of_user(user))
    return said.validated_data


def refusal(user, **body) -> tuple:
    with pytest.raises(ApiError) as refused:
        looked_up(user, **body)
    return refused.value.code, refused.value.data


def test_ids_become_rows_wherever_they_stand(alice):
    node = make_node()
    said = looked_up(
        alice,
        place={"siteId": str(node.site_id)},
        places=[{"siteId": str(node.site_id)}],
        nodeIds=[str(node.pk)],
        kind="node",
        thingId=str(node.pk).upper(),
    )
    assert said["place"]["site"] == said["places"][0]["site"] == node.site and said["nodes"] == [node] and said["thing_id"] == node
    assert looked_up(alice, place=None, kind="node", thingId="*") == {"place": None, "kind": "node", "thing_id": "*"}
    assert looked_up(alice, thingId=None, policyId=None) == {"thing_id": None, "policy_id": None}


def test_hidden_and_absent_are_one_answer_that_names_the_place(carol):
    AccessPolicy.objects.all().delete()
    node = make_node()
    set_grants(kind="node", actor=system("tests"), object_ids=[node.pk], user=carol)
    assert looked_up(carol, nodeIds=[str(node.pk)])["nodes"] == [node]
    for hidden in (str(node.site_id), NOWHERE):
        assert refusal(carol, places=[{"siteId": hidden}]) == ("reference_not_found", {"path": "places[0].siteId"})
        assert refusal(carol, kind="site", thingId=hidden) == ("reference_not_found", {"path": "thingId"})
    assert refusal(carol, nodeIds=[str(node.pk), NOWHERE]) == ("reference_not_found", {"path": "nodeIds[1]"})
    assert refusal(carol, groupId=1) == ("reference_not_found", {"path": "groupId"})
    for kind, text in (("node", "no id"), ("moon", NOWHERE), ("group", "x"), ("group", "9" * 30)):
        assert refusal(carol, kind=kind, thingId=text) == ("reference_not_found", {"path": "thingId"})


def test_what_a_field_asks_for_beside_the_route_is_refused_before_anything_is_looked_up(alice, carol):
    for value in (NOWHERE, None):
        code, data = refusal(carol, policyId=value, nodeIds=[NOWHERE])
        assert (code, data["permission"]) == ("permission_denied", "settings:manage")
    assert refusal(alice, policyId=NOWHERE) == ("reference_not_found", {"path": "policyId"})


def test_many_ids_of_one_kind_are_one_query(alice):
    nodes = [make_node() for _ in range(12)]
    looked_up(alice, nodeIds=[str(nodes[0].pk)])
    counts = []
    for some in (nodes[:2], nodes):
        with CaptureQueriesContext(connection) as asked:
            assert looked_up(alice, nodeIds=[str(node.pk) for node in some])["nodes"] == some
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_on_the_wire_invalid_comes_first_and_hidden_equals_absent(api, alice):
    site = make_site()
    AccessPolicy.objects.create(pk=NOWHERE, effect="deny", subject_type="everyone", permissions=["*"], resource_type="site", resource_id=str(site.pk))
    enrol = lambda site_id, alias: api(alice).post("/nodes/enroll", {"alias": alias, "location": {"siteId": site_id}})  # noqa: E731
    assert enrol("no id", "a").json()["code"] == "validation_failed" and enrol(NOWHERE, "").json()["code"] == "validation_failed"
    hidden, absent = enrol(str(site.pk), "a"), enrol(NOWHERE, "a")
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    assert hidden.json()["data"] == {"path": "location.siteId"}
