"""Columns of the audit's export: every field that a reader may see, as it is stored."""

from config.kernel import wire
from config.kernel.exports import Columns


class JsonCell(dict):
    """An object that is JSON in a CSV cell and stays an object in JSONL."""

    def __str__(self):
        return wire.dumps(dict(self)).decode()


def _json(name: str):
    def read(row):
        value = getattr(row, name)
        return JsonCell(value) if value is not None else None

    return read


def _plain(name: str):
    return lambda row: getattr(row, name)


EXPORT: Columns = [
    ("id", lambda row: str(row.pk)),
    ("occurredAt", _plain("occurred_at")),
    ("verb", _plain("verb")),
    ("outcome", _plain("outcome")),
    *[
        (f"{wire_name}{part.capitalize()}", _plain(f"{name}_{part}"))
        for wire_name, name in (("actor", "actor"), ("onBehalfOf", "on_behalf_of"), ("subject", "subject"))
        for part in ("kind", "id", "label")
    ],
    ("permission", _plain("permission")),
    ("reason", _plain("reason")),
    ("before", _json("before")),
    ("after", _json("after")),
    ("details", _json("details")),
    ("correlation", _json("correlation")),
    ("requestId", _plain("request_id")),
    ("method", _plain("method")),
    ("route", _plain("route")),
    ("status", _plain("status")),
    ("ip", _plain("ip")),
    ("userAgent", _plain("user_agent")),
    ("signInId", _plain("sign_in_id")),
    ("credentialPrefix", _plain("credential_prefix")),
    ("environment", _plain("environment")),
    ("format", _plain("format")),
]
