"""What each read costs in statements: never more than its baseline, and the same for few rows as for many.

A route is measured by calling it. After a change that is meant, write the new baselines with
`UPDATE_QUERY_COUNTS=1 bin/test tests/meta/test_query_counts.py` and look at the difference.
"""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kernel import clock
from config.kernel.access import Kind, Perm, ports, system
from config.kernel.checks import api_routes
from config.kernel.ids import uuid7
from config.kernel.viewsets import TallyViewSet
from nodes import verbs
from nodes.fleet.models import Interface, Node
from nodes.health.models import HealthEvent
from nodes.health.services import raise_event
from operators.access.models import AccessPolicy
from operators.access.services import set_grants
from operators.console import room as control_room
from operators.console.models import ConsoleOperator
from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from operators.workspaces.devices.models import DeviceKey
from operators.workspaces.models import Member, Workspace
from recordings.jobs.models import Job
from recordings.library.models import Marker, Recording, RecordingFile
from recordings.replay.models import ReplayClip
from sessions.settlement.ledger import books
from sessions.settlement.states import BookingKind
from tests.factories.nodes import make_interface, make_node, make_room, make_site
from tests.factories.sessions import make_operator, make_session
from tests.factories.users import make_user
from tests.sessions.settlement.helpers import ended
from tests.soak import amount

BASELINES = Path(__file__).with_name("query_counts.json")
FEW, MANY = 3, amount(20, 50)
# Reads whose cost is not in the database.
NOT_MEASURED = {
    "/api/v1/meter-events": "an open stream",
    "/api/v1/recordings/<uuid:id>/stream": "bytes behind a link",
    "/api/v1/recordings/<uuid:id>/file": "bytes behind a link",
    "/api/v1/replay-clips/<uuid:id>/stream": "bytes behind a link",
    "/api/v1/recordings/<uuid:id>/waveform": "reads a file of peaks",
    "/api/v1/nodes/<uuid:id>/meters": "reads the ring",
    "/api/v1/sessions/<uuid:id>/dispute": "is there only once a bill was disputed; tests/sessions/settlement asks it",
    "/api/v1/pricing/quote": "needs a question; tests/sessions/pricing asks it",
    "/api/v1/wallet": "is of one workspace, and these callers have many; tests/sessions/settlement asks it",
    "/api/v1/wallet/earnings": "the same",
    "/api/v1/wallet/earnings/export": "the same",
    "/api/v1/wallet/statements/<str:month>": "the same",
    "/api/v1/sessions/<uuid:id>/producer-token": "needs media under way; tests/sessions asks it",
    "/api/v1/sessions/<uuid:id>/viewer-token": "needs media under way; tests/sessions asks it",
    "/api/v1/sessions/<uuid:id>/frame": "asks the media server; tests/sessions/media asks it",
    "/api/v1/sessions/<uuid:id>/media": "needs media under way; tests/sessions/media asks it",
    "/api/v1/auth/oidc/discovery": "asks a provider",
    "/api/v1/auth/oidc/login": "redirects to a provider",
    "/api/v1/comms/status": "is not built",
    "/api/v1/operator/invites": "a director's; tests/operators/console asks it",
    "/api/v1/control-room/program-link": "a director's; tests/sessions/control_room asks it",
    "/api/v1/control-room/captions.vtt": "a file; tests/sessions/control_room asks it",
    "/api/v1/operator/invite-tokens": "a director's; tests/operators/console asks it",
    "/api/v1/auth/access/explain": "needs a question; tests/operators/people asks it",
}
_TOUCHED = re.compile(r'UPDATE "\w+" SET "last_(seen|used)_at"')
_TRANSACTIONAL = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


class House:
    """One site that the viewer reaches, with rows of every kind; `grow` brings each to a number, on the examples as well."""

    def __init__(self, profile, members):
        self.profile = profile
        self.workspace = self._workspace(0, members)
        self.members = members
        self.site = make_site("Reached")
        self.room = make_room(self.site)
        self.hidden = make_node(site=make_site("Hidden"))
        self.rows = 0
        self.wallet_event = self.billed = self.endpoint = self.delivery = None
        self.node = self.recording = self.event_id = self.operator = self.session = None

    def grow(self, to: int) -> None:
        for number in range(self.rows, to):
            node = make_node(f"rec-{number:03}", site=self.site, room=self.room, tags=["stage", f"t{number}"])
            recording = self._recording(node, number)
            self.node, self.recording = self.node or node, self.recording or recording
            make_room(self.site, f"Room {number}")
            Group.objects.create(name=f"Crew {number}").user_set.add(self.members[0])
            self._workspace(number + 1, self.members)
            Member.objects.create(workspace=self.workspace, user=make_user(), role="VIEWER")
            make_interface(self.node, system_name=f"dev {number}", system_ref=f"hw:{number}")
            self.clip = ReplayClip.objects.create(
                session_id=uuid7(), recording_id=self.recording.pk, name=f"Clip {number}", in_at=clock.now() - timedelta(seconds=2), out_at=clock.now(),
                status="failed", failure="no_picture",
            )  # fmt: skip
            Marker.objects.create(recording=self.recording, at_seconds=number, label="here")
            self._money(number)
            self._field(number)
            self._webhook(number)
            self._control_room(number)
            if number:
                self._attempt(self.recording, number + 1)
            with transaction.atomic():
                about = {"node": node, "recording": (self.recording.pk, self.recording.name)}
                raise_event(type="controller.job.lease_lapsed", severity="warning", message="The lease lapsed.", **about)
                self.event_id = ports.record(
                    verbs.VERBS[0], actor=system("tests"), outcome="succeeded", subject=("node", node.pk, node.alias), permission=Perm.NODE_MANAGE
                )
        self.rows = to

    def _webhook(self, number: int) -> None:
        """An endpoint, and what it was told in one try."""
        endpoint = WebhookEndpoint.objects.create(workspace=self.workspace, url=f"https://hooks.example/{number}", types=["session.live"])
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint, workspace=self.workspace, environment="LIVE", message_id=str(uuid7()), type="session.live", subject_kind="session",
            subject_id=str(uuid7()), body="{}", status="succeeded", created_at=clock.now(),
        )  # fmt: skip
        WebhookAttempt.objects.create(delivery=delivery, at=clock.now(), status_code=200)
        self.endpoint, self.delivery = self.endpoint or endpoint, self.delivery or delivery

    def _money(self, number: int) -> None:
        """A deposit, and a session of the house that was paid."""
        booking = books.move_in(kind=BookingKind.DEPOSIT, workspace=self.workspace, amount=10**6, reference=f"wire {number}")
        self.wallet_event = self.wallet_event or booking.entries.exclude(event="").get()
        self.billed = self.billed or ended(self.workspace, make_operator(self.workspace, f"Paid {number:03}"))

    def _field(self, number: int) -> None:
        """A device operator with a key, an open request, and a session that it serves."""
        operator = make_operator(self.workspace, f"Device {number:03}")
        make_session(self.workspace, "ASSIGNED", operator=make_operator(self.workspace, f"Busy {number:03}"))
        session = make_session(self.workspace)
        self.operator, self.session = self.operator or operator, self.session or session
        DeviceKey.objects.create(operator=self.operator, address=f"0x{number:040x}", issued_at=clock.now())

    @staticmethod
    def _control_room(number: int) -> None:
        """Somebody in the control room, and what its history says of them."""
        with transaction.atomic():
            where, name = control_room.locked(), f"Operator {number:03}"
            ConsoleOperator.objects.create(
                control_room=where, public_id=name, name=name, name_key=name.lower(), role="viewer", guest=True, digest=number.to_bytes(32, "big"),
                last_four="0000", last_seen=clock.now(),
            )  # fmt: skip
            control_room.changed(where, "operator.registered", {"name": name}, control_room.SYSTEM)

    @staticmethod
    def _workspace(number: int, members) -> Workspace:
        made = Workspace.objects.create(slug=f"space-{number}", name=f"Space {number}", wallet_address=f"0x{number:040x}", roles=["CONSUMER"])
        Member.objects.bulk_create([Member(workspace=made, user=user, role="OWNER") for user in members])
        return made

    def _recording(self, node: Node, number: int) -> Recording:
        now = clock.now()
        recording = Recording.objects.create(
            source="ad_hoc", name=f"Take {number}", folder=f"season/{number}", tags=["stage"], tag_keys=["stage"], search_text=f"take {number}",
            status="completed", planned_start_at=now, recorded_at=now, sort_at=now, node=node, node_label=node.alias, profile=self.profile,
            profile_label=self.profile.name,
        )  # fmt: skip
        file = self._attempt(recording, 1)
        Recording.objects.filter(pk=recording.pk).update(status="cached", primary_file=file, cache_state="cached", playable=True)
        return recording

    @staticmethod
    def _attempt(recording: Recording, attempt: int) -> RecordingFile:
        now = clock.now()
        job = Job.objects.create(
            recording=recording,
            node_id=recording.node_id,
            attempt=attempt,
            status="completed",
            ended_at=now,
            not_before=now,
            capture_start_at=now,
            command={},
        )
        return RecordingFile.objects.create(
            recording=recording, job=job, claim_epoch=1, role="primary" if attempt == 1 else "alternate", path=f"library/{uuid7()}.flac", size=9, sha256="0" * 64,
            mime_type="audio/flac", stored_at=now, playable=True,
        )  # fmt: skip

    def example(self, template: str) -> str | None:
        """The path of an existing thing; None for a kind that this house knows nothing of."""
        examples = {
            "sites": self.site.pk,
            "nodes": self.node.pk,
            "recordings": self.recording.pk,
            "recording-jobs": self.recording.jobs.first().pk,
            "replay-clips": self.clip.pk,
            "recording-profiles": self.profile.pk,
            "health-events": HealthEvent.objects.filter(node=self.node).first().pk,
            "audit-events": self.event_id,
            "workspaces": self.workspace.pk,
            "users": self.members[0].pk,
            "events": self.wallet_event.pk,
            "settlements": self.billed.pk,
            "device-operators": self.operator.pk,
            "sessions": self.session.pk,
            "webhook-endpoints": self.endpoint.pk,
            "webhook-deliveries": self.delivery.pk,
        }
        parts = template.split("/")
        for index, part in enumerate(parts):
            if part.startswith("<"):
                if parts[index - 1] not in examples:
                    return None
                parts[index] = str(examples[parts[index - 1]])
        return "/".join(parts)


@pytest.fixture
def house(profiles, media, alice, carol):
    return House(profiles["Music"], (alice, carol))


def read_routes() -> list[str]:
    """Path templates of every read that a user may make."""
    found = []
    for path, view, actions in api_routes():
        action = actions.get("get")
        if action and issubclass(view, TallyViewSet) and Kind.USER in view.routes[action].kinds and path not in NOT_MEASURED:
            found.append(path)
    return sorted(set(found))


def statements(client, path: str) -> int | None:
    """How many statements a call takes; None where this client may not make it."""
    with CaptureQueriesContext(connection) as captured:
        reply = client.get(path)
        if reply.streaming:
            reply.getvalue()
    if reply.status_code in {403, 404}:
        return None
    assert reply.status_code == 200, (path, reply.status_code, reply.content[:300])
    # When a credential was last seen is kept once a minute, whatever was asked for.
    return sum(not query["sql"].startswith(_TRANSACTIONAL) and not _TOUCHED.match(query["sql"]) for query in captured)


def known_baselines() -> dict:
    return json.loads(BASELINES.read_text()) if BASELINES.exists() else {}


@pytest.mark.timeout(400)  # two callers ask every read, twice, of a house with many of everything
def test_no_read_asks_more_than_before_nor_more_for_many_rows_than_for_few(api, alice, carol, house):
    AccessPolicy.objects.all().delete()
    set_grants(kind="site", actor=system("tests"), object_ids=[house.site.pk], user=carol)
    clients = {"owner": api(alice), "viewer": api(carol)}
    routes = read_routes()
    wanted = {path: sorted(roles) for path, roles in known_baselines().items() if path in routes}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        wanted = {path: sorted(clients) for path in routes}
    house.grow(FEW)
    for path, roles in wanted.items():
        # What is learned once per process is not the cost of a call.
        clients[roles[0]].get(house.example(path) or "/sites")
    few = {(path, role): _count(clients[role], house, path) for path, roles in wanted.items() for role in roles}
    house.grow(MANY)
    many = {(path, role): _count(clients[role], house, path) for path, roles in wanted.items() for role in roles}

    depends = {key: (few[key], many[key]) for key in many if few[key] is not None and many[key] != few[key]}
    assert not depends, f"the number of statements depends on the number of rows (route, role): (for {FEW}, for {MANY}): {depends}"
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        _write(many)
    baselines = known_baselines()
    grown = {key: (baselines[key[0]][key[1]], count) for key, count in many.items() if count is not None and count > baselines[key[0]][key[1]]}
    assert not grown, f"more statements than before (route, role): (baseline, now): {grown}"
    assert Interface.objects.filter(node=house.node).count() > MANY


def _count(client, house: House, template: str) -> int | None:
    """Statements of one call, or None where this role gets an answer other than 200."""
    path = house.example(template)
    return None if path is None else statements(client, path)


def _write(counts: dict) -> None:
    table: dict = {}
    for (path, role), count in counts.items():
        if count is not None:
            table.setdefault(path, {})[role] = count
    BASELINES.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


def test_every_read_route_has_a_baseline_or_a_reason():
    missing = [path for path in read_routes() if path not in known_baselines()]
    assert not missing, f"no baseline for {missing}: give House an example of it and run with UPDATE_QUERY_COUNTS=1, or say why in NOT_MEASURED"


def test_no_baseline_outlives_its_route():
    assert set(known_baselines()) <= set(read_routes())
