"""50 of many recordings, for a user who may see a fifth of them, filtered: the database's part, and the whole request."""

import time
from statistics import median

from bench import library
from bench.calls import Caller
from bench.measure import Growth, Line, in_turns, percent, rate, spell
from bench.watch import asked

HOUSE = True
SMALLEST = 10_000
QUERY = "status=cached&tag=tag3"
_BARE = """
SELECT r.*, f.*, n.alias FROM recordings_recording r
LEFT JOIN recordings_recordingfile f ON f.id = r.primary_file_id LEFT JOIN nodes_node n ON n.id = r.node_id
WHERE r.deleted_at IS NULL AND r.status = 'cached' AND r.tag_keys @> '{tag3}' AND r.node_id = ANY(%s)
ORDER BY r.sort_at DESC, r.id DESC LIMIT 51
"""


def run(options, house) -> list[Line]:
    first, deep, bare = Growth("database time, page 1", 0.3), Growth("database time, a page in the middle", 0.3), Growth("the bare SQL", 1.0)
    for size in options.sizes(SMALLEST):
        shelf = library.load(size)
        caller = Caller(shelf.viewer_token)
        url = f"/api/v1/recordings?{QUERY}&limit=50"
        middle = f"{url}&cursor={_cursor_in_the_middle(shelf)}"
        rounds = options.rounds(30)
        statements = len(_asked(caller, url).statements)
        pages = [_turn(caller, shelf, url, middle) for _ in range(rounds)]
        taken, taken_deep, taken_bare = (median(times) for times in zip(*pages, strict=True))
        first.add(size, taken)
        deep.add(size, taken_deep)
        bare.add(size, taken_bare)
    database = Line(
        f"50 of {shelf.size:,} recordings, scoped, filtered: database", spell(taken), f"bare SQL {spell(taken_bare)}", percent(taken_bare / taken),
        "≤ 10 queries, < 5 ms", statements <= 10 and taken < 5e-3,
        [f"{statements} queries with sign-in and access; a page in the middle costs {taken_deep / taken:.2f} × page 1"], [first, deep, bare],
    )  # fmt: skip
    return [database, _http(options, shelf, caller, url)]


def _http(options, shelf, caller, url) -> Line:
    peer_url = f"/api/v1/bench/values?{QUERY}"
    ours, peer = in_turns(
        [lambda: caller.expect(200, "GET", url), lambda: caller.expect(200, "GET", peer_url)], rounds=options.rounds(15), round_seconds=0.2
    )
    return Line(
        "the same list through HTTP",
        rate(ours, "lists"),
        f".values() + orjson {rate(peer, 'lists')}",
        percent(peer / ours),
        "≥ 60 %",
        peer / ours >= 0.6,
    )


def _asked(caller, url):
    with asked() as found:
        caller.expect(200, "GET", url)
    return found


def _turn(caller, shelf, url, middle) -> tuple[float, float, float]:
    """Seconds in the database: our page 1, our page in the middle, the bare statement."""
    from django.db import connection

    first, deep = _asked(caller, url).seconds, _asked(caller, middle).seconds
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_BARE, [list(shelf.reached_nodes)])
        found = cursor.fetchall()
    taken = time.perf_counter() - began
    assert len(found) == 51
    return first, deep, taken


def _cursor_in_the_middle(shelf) -> str:
    """The cursor that a client would hold after half of the pages."""
    from django.http import QueryDict

    from config.kernel import pagination
    from recordings.library.filters import RecordingFilters
    from recordings.library.models import Recording

    chosen = RecordingFilters(QueryDict(QUERY))
    column, descending = chosen.order(None)
    rows = chosen.apply(Recording.objects.filter(node_id__in=shelf.reached_nodes)).order_by(f"-{column}", "-pk")
    row = rows[rows.count() // 2]
    return pagination.encode(getattr(row, column), row.pk, f"/api/v1/recordings{column}{descending}{chosen.fingerprint()}")
