"""Facets of the whole library, against one pass that groups by the same columns."""

import time
from statistics import median

from bench import library
from bench.calls import Caller
from bench.measure import Growth, Line, percent, spell
from bench.watch import asked

HOUSE = True
SMALLEST = 10_000
_COLUMNS = ("status", "kind", "source", "health_status", "folder", "node_id", "schedule_id", "profile_id", "track_group_id", "upload_policy_id")
_ONE_PASS = f"""
SELECT {", ".join(_COLUMNS)}, grouping({", ".join(_COLUMNS)}), count(*) FROM recordings_recording WHERE deleted_at IS NULL
GROUP BY GROUPING SETS ({", ".join(f"({name})" for name in _COLUMNS)})
UNION ALL SELECT tag, {", ".join("NULL" for _ in _COLUMNS[1:])}, -1, count(*) FROM recordings_recording, unnest(tags) AS tag WHERE deleted_at IS NULL GROUP BY tag
"""


def run(options, house) -> list[Line]:
    growth, passes = Growth("facets", 1.05), Growth("one grouped pass", 1.05)
    for size in options.sizes(SMALLEST):
        shelf = library.load(size)
        caller = Caller(shelf.owner_token)
        turns = [_turn(caller) for _ in range(options.rounds(9))]
        ours, peer = (median(times) for times in zip(*turns, strict=True))
        growth.add(size, ours)
        passes.add(size, peer)
    return [
        Line(
            f"facets over {shelf.size:,} recordings", spell(ours), f"one grouped SQL pass {spell(peer)}", f"{ours / peer:.2f} ×", "≤ 1.5 ×", ours / peer <= 1.5,
            [f"{percent(peer / ours)} of the pass's rate"], [growth, passes],
        )
    ]  # fmt: skip


def _turn(caller) -> tuple[float, float]:
    from django.db import connection

    with asked() as found:
        caller.expect(200, "GET", "/api/v1/recordings/facets")
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_ONE_PASS)
        cursor.fetchall()
    return found.seconds, time.perf_counter() - began
