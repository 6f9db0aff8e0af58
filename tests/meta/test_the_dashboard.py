"""The dashboard of docs/ and the table of docs/operations.md name series that there are."""

import json
import re
from pathlib import Path

import pytest

from nodes import metrics as fleet
from recordings import metrics as recordings
from tests.factories.nodes import make_node

DOCS = Path(__file__).parents[2] / "docs"
# There once something happened: a session with media, a webhook, a refusal, an event, a task of beat.
LATER = {"media_flowing", "media_viewers", "agent_refusals_total", "webhook_deliveries_total", "health_events_opened_total", "meter_frames_total"}
LATER |= {
    "beat_last_success_timestamp_seconds",
    "audit_seal_lag_seconds",
    "health_events_active",
    "capture_bytes_total",
    "capture_gap_seconds_total",
    "xruns_total",
}


def named(text: str) -> set[str]:
    return set(re.findall(r"tallyroom_(\w+)", text))


@pytest.mark.django_db
def test_what_the_dashboard_draws_is_what_is_served(api, alice, media):
    board = json.loads((DOCS / "grafana.json").read_text())
    drawn = named(" ".join(target["expr"] for panel in board["panels"] for target in panel["targets"]))
    make_node()
    media.mkdir()
    fleet.take_snapshot()
    recordings.take_snapshot()
    text = api(alice).get("/metrics").content.decode()
    helped = set(re.findall(r"^# HELP tallyroom_(\w+)", text, re.M))
    assert {name.removesuffix("_bucket").removesuffix("_count") for name in drawn} <= helped | LATER
    table = re.findall(r"^\| `(.*) \|$", (DOCS / "operations.md").read_text(), re.M)
    listed = {name for row in table for name in re.findall(r"`(\w+?)(?:\{[^`]*)?`", "`" + row.split("|")[0])}
    assert {re.sub("_seconds_(bucket|count)$", "_seconds", name) for name in drawn} <= listed
