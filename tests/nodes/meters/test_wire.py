"""The meter wire: binary and JSON forms carry the same frame, and nothing else gets through."""

import json
import math
import struct
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.meters import wire

INTERFACE = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")

decibels = st.integers(-16000, 2400).map(lambda value: value / 100)
maybe_decibels = st.none() | decibels
any_level = st.floats(-1000, 1000) | st.sampled_from([math.nan, math.inf, -math.inf])
unit = st.integers(0, 255).map(lambda value: value / 255)


@st.composite
def features(draw):
    indexes = draw(st.sets(st.integers(1, 40), min_size=1, max_size=12))
    levels = tuple(
        wire.ChannelLevel(
            channel_index=index,
            rms_dbfs=draw(decibels),
            peak_dbfs=draw(decibels),
            clipping=draw(st.booleans()),
            true_peak_dbtp=draw(maybe_decibels),
            noise_floor_dbfs=draw(maybe_decibels),
            lufs_m=draw(maybe_decibels),
            lufs_s=draw(maybe_decibels),
            dc_offset=draw(st.integers(-32767, 32767)) / 32767,
            clipped_samples=draw(st.integers(0, 65535)),
            longest_clip_run=draw(st.integers(0, 65535)),
            clip_runs=draw(st.integers(0, 255)),
            stuck_run_ms=draw(st.integers(0, 65535)),
            peer_channel_index=(peer := draw(st.integers(0, 512))),
            correlation=draw(st.integers(-100, 100)) / 100 if peer else 0.0,
            quality=tuple(draw(unit) for _ in wire.QUALITIES),
        )
        for index in sorted(indexes)
    )
    return wire.MeterFrame(
        interface_id=draw(st.uuids()),
        seq=draw(st.integers(0, 0xFFFFFFFF)),
        captured_at_us=draw(st.integers(0, 4_000_000_000)) * 1000,
        period_ms=1000,
        levels=levels,
        replay=draw(st.booleans()),
    )


@st.composite
def levels_frames(draw):
    indexes = draw(st.sets(st.integers(1, 70), min_size=1, max_size=20))
    half = st.integers(0, 254).map(lambda value: 6 - value / 2)
    return wire.MeterFrame(
        interface_id=draw(st.uuids()),
        seq=draw(st.integers(0, 0xFFFFFFFF)),
        captured_at_us=draw(st.integers(0, 4_000_000_000)) * 1000,
        period_ms=100,
        levels=tuple(wire.ChannelLevel(index, draw(half), draw(half), draw(st.booleans())) for index in sorted(indexes)),
        kind=wire.LEVELS,
        xrun=False,
    )


def a_frame(channels=2, **changes) -> wire.MeterFrame:
    levels = tuple(wire.ChannelLevel(n, -20.0, -10.0) for n in range(1, channels + 1))
    values = {"seq": 7, "captured_at_us": 1_700_000_000_123_000, "period_ms": 1000}
    return wire.MeterFrame(**{"interface_id": INTERFACE, "levels": levels, **values, **changes})


@given(features())
def test_a_features_frame_survives_its_binary_form(frame):
    payload = wire.encode_features(frame)
    assert len(payload) == 36 + 32 * frame.levels[-1].channel_index
    assert wire.decode_features(payload) == wire.decode(payload) == frame
    assert wire.check(payload).seq == frame.seq


@given(levels_frames())
def test_a_levels_frame_survives_its_binary_form(frame):
    assert wire.decode_levels(wire.encode_levels(frame)) == frame


@given(features() | levels_frames())
def test_a_frame_survives_json_as_far_as_json_is_exact(frame):
    text = json.dumps(wire.to_json(frame, node_id="n"))
    again = wire.from_json(json.loads(text))
    assert wire.encode(again) == wire.encode(frame)


@given(st.uuids(), st.uuids(), st.integers(20, 1000), st.booleans(), st.binary(min_size=1))
def test_a_listen_frame_survives(interface_id, feed_id, duration, init, audio):
    frame = wire.ListenFrame(interface_id, feed_id, 9, 10**15, duration, "ogg", init, audio)
    payload = wire.encode_listen(frame)
    assert len(payload) == 52 + len(audio)
    assert wire.decode(payload) == frame


@given(st.binary(max_size=200))
def test_noise_is_refused_by_name_and_never_crashes(payload):
    try:
        wire.decode(payload)
    except wire.WireError as error:
        assert error.path and error.reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["levels", "seq", "periodMs", "interfaceId", "capturedAt", "rmsDbfs"]),
                inner,
            )
        ),
        max_leaves=8,
    )
)
def test_json_noise_is_refused_by_name_and_never_crashes(body):
    with pytest.raises(wire.WireError):
        wire.from_json(body)


def test_64_channels_of_levels_take_172_bytes():
    frame = a_frame(64, period_ms=100, kind=wire.LEVELS)
    assert len(wire.encode_levels(frame)) == 172


def test_the_header_is_laid_out_as_documented():
    payload = wire.encode_features(a_frame(2, replay=True, xrun=True))
    assert struct.unpack("<BBHIqHBB16s", payload[:36]) == (
        1, 1, 2, 7, 1_700_000_000_123_000, 1000, 3, 0, INTERFACE.bytes,
    )  # fmt: skip


def test_counters_saturate_and_levels_are_clamped():
    level = wire.ChannelLevel(1, -math.inf, 99.0, clipped_samples=10**9, longest_clip_run=70_000, clip_runs=300)
    read = wire.decode_features(wire.encode_features(a_frame(levels=(level,)))).levels[0]
    assert (read.rms_dbfs, read.peak_dbfs) == (-160.0, 24.0)
    assert (read.clipped_samples, read.longest_clip_run, read.clip_runs) == (65535, 65535, 255)


def test_a_stored_frame_is_marked_as_replay():
    payload = wire.encode_features(a_frame())
    assert wire.decode(wire.mark_replay(payload)) == a_frame(replay=True)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda p: p[:-1], "levels"),
        (lambda p: p + b"\0", "levels"),
        (lambda p: b"\x09" + p[1:], "kind"),
        (lambda p: p[:1] + b"\x02" + p[2:], "version"),
        (lambda p: p[:36] + struct.pack("<h", 9900) + p[38:], "levels[0].rms"),
        (lambda p: p[:36] + struct.pack("<h", -17000) + p[38:], "levels[0].rms"),
        (lambda p: p[:8] + struct.pack("<q", -1) + p[16:], "capturedAt"),
    ],
)
def test_a_wrong_message_names_the_wrong_part(change, path):
    payload = wire.encode_features(a_frame(1))
    with pytest.raises(wire.WireError) as caught:
        wire.decode(change(payload))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("levels", [{"channelIndex": 1, "rmsDbfs": 0, "peakDbfs": 0}] * 513, "levels"),
        ("levels", [{"channelIndex": 1, "rmsDbfs": math.nan, "peakDbfs": 0}], "levels[0].rmsDbfs"),
        ("levels", [{"channelIndex": 1, "rmsDbfs": 99, "peakDbfs": 0}], "levels[0].rmsDbfs"),
        ("levels", [{"channelIndex": 1, "rmsDbfs": 0, "peakDbfs": 0}] * 2, "levels"),
        ("levels", [{"channelIndex": 0, "rmsDbfs": 0, "peakDbfs": 0}], "levels[0].channelIndex"),
        ("interfaceId", "x", "interfaceId"),
        ("capturedAt", "2026-01-01T00:00:00", "capturedAt"),
        ("seq", True, "seq"),
        ("source", "dream", "source"),
    ],
)
def test_a_wrong_json_frame_names_the_wrong_part(key, value, path):
    body = wire.to_json(a_frame(), node_id="n") | {key: value}
    with pytest.raises(wire.WireError) as caught:
        wire.from_json(body)
    assert caught.value.path == path


@given(st.lists(st.tuples(any_level, any_level, st.booleans()), min_size=1, max_size=70), st.integers(0, 0xFFFFFFFF))
def test_levels_packed_from_arrays_are_those_of_objects(channels, seq):
    rms, peaks, clipping = (np.array(values) for values in zip(*channels, strict=True))
    head = {"interface_id": INTERFACE, "seq": seq, "captured_at_us": 1_700_000_000_123_000}
    levels = tuple(wire.ChannelLevel(n, *channel) for n, channel in enumerate(channels, start=1))
    assert wire.pack_levels(rms, peaks, clipping, **head) == wire.encode_levels(
        wire.MeterFrame(**head, period_ms=wire.LEVELS_PERIOD_MS, levels=levels, kind=wire.LEVELS)
    )
