"""The browser's own decoder and ballistics, fed by the codec that the agent packs with."""

import base64
import struct
import uuid

import pytest

from nodes.meters import wire

INTERFACE = uuid.UUID("01890000-0000-7000-8000-00000000000a")
DECODE = """async (text) => {
    const { decodeMessage } = await import("/static/js/wire.js");
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return decodeMessage(bytes.buffer);
}"""


@pytest.fixture
def blank(new_page):
    page = new_page(sign_in_as=None)
    page.goto("/sign-in")
    return page


def message(*frames: bytes) -> str:
    return base64.b64encode(b"".join(struct.pack("<H", len(frame)) + frame for frame in frames)).decode()


def frame(kind: int, levels: list[wire.ChannelLevel], **kwargs) -> wire.MeterFrame:
    return wire.MeterFrame(
        interface_id=INTERFACE,
        seq=7,
        captured_at_us=1_764_000_000_000_000,
        period_ms=1000 if kind == wire.FEATURES else 100,
        levels=tuple(levels),
        kind=kind,
        **kwargs,
    )


def test_levels_and_features_decode_to_what_the_agent_packed(blank):
    quiet = wire.ChannelLevel(channel_index=1, rms_dbfs=-40.5, peak_dbfs=-30.0)
    hot = wire.ChannelLevel(channel_index=2, rms_dbfs=-3.0, peak_dbfs=0.0, clipping=True, clipped_samples=9, stuck_run_ms=700)
    fast = wire.encode_levels(frame(wire.LEVELS, [quiet, hot]))
    slow = wire.encode_features(frame(wire.FEATURES, [quiet, hot], replay=True))
    decoded = blank.evaluate(DECODE, message(fast, slow))

    assert [(f["kind"], f["interfaceId"], f["seq"], f["periodMs"], f["replay"]) for f in decoded] == [
        (3, str(INTERFACE), 7, 100, False),
        (1, str(INTERFACE), 7, 1000, True),
    ]
    assert [(c["rms"], c["peak"], c["clipping"]) for c in decoded[0]["channels"]] == [(-40.5, -30, False), (-3, 0, True)]
    assert [(c["rms"], c["peak"], c["clipping"], c["clippedSamples"], c["stuckRunMs"]) for c in decoded[1]["channels"]] == [
        (-40.5, -30, False, 0, 0),
        (-3, 0, True, 9, 700),
    ]


def test_64_channels_are_at_most_200_bytes_and_decode_whole(blank):
    levels = [wire.ChannelLevel(channel_index=i, rms_dbfs=-60 + i / 2, peak_dbfs=-50 + i / 2, clipping=i % 9 == 0) for i in range(1, 65)]
    packed = wire.encode_levels(frame(wire.LEVELS, levels))
    assert len(packed) <= 200
    channels = blank.evaluate(DECODE, message(packed))[0]["channels"]
    assert [(c["rms"], c["peak"], c["clipping"]) for c in channels] == [(level.rms_dbfs, level.peak_dbfs, level.clipping) for level in levels]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x01",
        struct.pack("<H", 500) + b"short",
        struct.pack("<H", 36) + b"\x09" * 36,
        struct.pack("<H", 40) + b"\x03\x01\x40\x00" + b"\x00" * 36,
    ],
)
def test_what_is_no_frame_is_left_out(blank, broken):
    assert blank.evaluate(DECODE, base64.b64encode(broken).decode()) == []


STATES = """async (steps) => {
    const { Meter } = await import("/static/js/ballistics.js");
    const meter = new Meter([{ label: "Lectern", role: "expected" }]);
    return steps.map(([ms, channel, kind]) => {
        if (channel) meter.push({ kind: kind || 3, channels: [channel] }, ms);
        meter.advance(0.1, ms);
        return meter.state(0, ms);
    });
}"""


@pytest.mark.parametrize(
    ("steps", "states"),
    [
        ([[0, None]], ["waiting"]),
        ([[0, {"rms": -50, "peak": -40}], [2900, None], [3100, None]], ["ok", "ok", "stale"]),
        ([[0, {"rms": -160, "peak": -160}], [1900, {"rms": -160, "peak": -160}], [2100, {"rms": -160, "peak": -160}]], ["ok", "ok", "none"]),
        ([[0, {"rms": -21, "peak": -21, "stuckRunMs": 900}, 1], [1000, {"rms": -21, "peak": -20, "stuckRunMs": 0}, 1]], ["stuck", "ok"]),
    ],
)
def test_no_signal_stuck_and_stale_are_told_apart_from_quiet(blank, steps, states):
    assert blank.evaluate(STATES, steps) == states


DECAY = """async () => {
    const { Meter } = await import("/static/js/ballistics.js");
    const meter = new Meter([{ label: "", role: "expected" }]);
    meter.push({ kind: 3, channels: [{ rms: -10, peak: -6, clipping: true }] }, 0);
    meter.push({ kind: 3, channels: [{ rms: -40, peak: -40, clipping: true }] }, 100);
    const at = {};
    for (let ms = 0; ms <= 4000; ms += 10) {
        meter.advance(0.01, ms);
        if (ms % 1700 === 0 || ms === 1990 || ms === 3690) at[ms] = { peak: meter.channels[0].peak, hold: meter.channels[0].hold };
    }
    return { at, clips: meter.channels[0].clips, max: meter.channels[0].max };
}"""


def test_peaks_fall_20_db_in_1_7_seconds_hold_for_2_and_a_clip_counts_once(blank):
    told = blank.evaluate(DECAY)
    assert told["at"]["1700"]["peak"] == pytest.approx(-26.1, abs=0.2)
    assert told["at"]["1990"]["hold"] == -6
    assert told["at"]["3690"]["hold"] == pytest.approx(-26, abs=0.4)
    assert (told["clips"], told["max"]) == (1, -6)
