"""One request of one caller, and what it left behind; afterwards it never happened."""

import re
from contextlib import contextmanager, nullcontext

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from config.kernel import broker
from tests.access import bodies, rows
from tests.access.things import OWN, THINGS
from tests.access.world import Caller, World

NOWHERE = "01900000-0000-7000-8000-000000000000"
READS = {"GET", "HEAD"}
_TOUCHED = re.compile(r'UPDATE "\w+" SET "last_(seen|used)_at"')


@contextmanager
def undone():
    """What happens inside never happened; what wants a transaction of its own gets a savepoint, as in Django's test cases."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def named(template: str, ids: dict) -> str:
    """The template with its arguments filled in: by name, or the first by the thing's id."""
    values = list(ids.values())

    def value(match):
        return str(ids.get(match["name"], values[0] if values else NOWHERE))

    return re.sub(r"<(?:\w+:)?(?P<name>\w+)>", value, template)


class Call:
    """One request, taken back afterwards."""

    def __init__(self, world: World, caller: Caller, row: rows.Row, *, absent: bool = False, count: bool = False):
        caller = world.caller_for(caller, row.door)
        self.request_id = "matrix-request"
        with undone():
            ids = self._ids(world, caller, row)
            sent = bodies.sent_by(world, caller, row.key, ids, row.where)
            path, body = named(row.route, ids) + sent.query, sent.body
            if absent:
                path, body = _absent(path, ids), _absent(body, ids)
            broker.attempt(lambda valkey: valkey.flushdb())
            waiting = len(connection.run_on_commit)
            options = {"data": sent.data, "content_type": sent.content_type, **sent.headers}
            with CaptureQueriesContext(connection) if count else nullcontext([]) as captured:
                reply = caller.client.request(row.method, path, body, whole=True, request_id=self.request_id, **options)
            self.status, self.headers = reply.status_code, reply.headers
            self.content = b"" if reply.streaming else reply.content
            for close in getattr(reply, "_resource_closers", []):
                close()  # not the reply itself: that would end the request for the database, too
            # When a credential was last seen is kept once a minute, whatever was asked for.
            costs = [query["sql"] for query in captured if not _TOUCHED.match(query["sql"])]
            self.statements = [re.sub(r"'[^']*'|\d+|s\w+_x\d+", "?", sql)[:60] for sql in costs]
            if self.status >= 400:
                for _, send, _ in connection.run_on_commit[waiting:]:
                    send()
            caller.client.client.cookies.clear()
            self.audit = list(AuditEvent.objects.filter(request_id=self.request_id)) if self.status >= 400 or row.method not in READS else []

    @staticmethod
    def _ids(world, caller, row) -> dict:
        if row.where == "own":
            return OWN[row.thing](world, caller.user or world.person)
        return THINGS[row.thing].ids(world, row.thing) if row.thing != "-" else {}

    @property
    def code(self) -> str:
        found = re.search(rb'"code": ?"(\w+)"', self.content)
        return found[1].decode() if found else ""


def _absent(part, ids: dict):
    """The same with ids of nothing."""
    if isinstance(part, str):
        for pk in ids.values():
            part = part.replace(str(pk), NOWHERE)
        return part
    if isinstance(part, dict):
        return {name: _absent(value, ids) for name, value in part.items()}
    return [_absent(value, ids) for value in part] if isinstance(part, list) else part
