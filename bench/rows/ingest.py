"""Meter frames by HTTP POST, against a view that does nothing."""

from bench.calls import Caller
from bench.measure import Line, in_turns, percent, rate

HOUSE = True
CHANNELS = (2, 8, 64)
TARGET = 0.5


def run(options, house) -> list[Line]:
    from django.db import connection

    from bench import fleet

    empty_body = b"{}"
    lines = []
    for channels in CHANNELS:
        node, interface, token = fleet.recorder(channels=channels)
        caller = Caller(token)
        body = fleet.features_json(node, interface)
        url = f"/api/v1/nodes/{node.pk}/meter-frame"

        def ours(caller=caller, url=url, body=body):
            caller.expect(202, "POST", url, body)

        def empty(caller=caller):
            caller.expect(202, "POST", "/api/v1/bench/empty", empty_body)

        seconds, peer = in_turns([ours, empty], rounds=options.rounds(12), round_seconds=0.2)
        written = _writes(connection, ours)
        lines.append(
            Line(
                f"meter ingest by POST, {channels} channels", rate(seconds, "frames"), f"empty view {rate(peer, 'requests')}", percent(peer / seconds),
                "≥ 50 %, 0 writes" if channels == 2 else "–", (peer / seconds >= TARGET and not written) if channels == 2 else None,
                [f"{written} database writes in 50 frames"],
            )
        )  # fmt: skip
    return lines


def _writes(connection, call) -> int:
    """Statements that write, in 50 calls."""
    found = []

    def watch(execute, sql, params, many, context):
        if sql.lstrip().split(None, 1)[0].upper() in {"INSERT", "UPDATE", "DELETE", "COPY"}:
            found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        for _ in range(50):
            call()
    return len(found)
