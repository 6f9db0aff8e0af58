"""Channel maps at render."""

import numpy as np
import pytest

from nodes.agent.channels import ChannelMap

SOURCE = np.array([[10, 20, 30], [1, 2, 3]], dtype=np.int16)


def entry(source, output, included=True):
    return {"sourceChannelIndex": source, "outputChannelIndex": output, "included": included}


@pytest.mark.parametrize(
    ("mode", "entries", "expected"),
    [
        ("multichannel", None, [[10, 20, 30], [1, 2, 3]]),
        ("multichannel", [entry(3, 1), entry(1, 2)], [[30, 10], [3, 1]]),
        ("multichannel", [entry(1, 1), entry(2, 2, False), entry(3, 3)], [[10, 30], [1, 3]]),
        ("mono", None, [[20], [2]]),
        ("mono", [entry(1, 1), entry(2, 2)], [[15], [2]]),
        ("mono_to_stereo_mix", None, [[20, 20], [2, 2]]),
        ("stereo", None, [[10, 20], [1, 2]]),
        ("stereo", [entry(3, 1)], [[30, 30], [3, 3]]),
        ("multichannel", [entry(9, 1), entry(2, 2)], [[20], [2]]),
    ],
)
def test_a_map_chooses_orders_and_mixes(mode, entries, expected):
    command = {"channelMap": {"mode": mode, "entries": entries}}
    mapping = ChannelMap(command, 3)
    result = mapping.apply(SOURCE)
    assert result.tolist() == expected
    assert (mapping.channels, result.dtype) == (len(expected[0]), np.int16)


def test_the_profiles_mode_wins_over_the_maps():
    command = {"channelMap": {"mode": "multichannel", "entries": None}, "output": {"channelMode": "mono"}}
    assert ChannelMap(command, 3).channels == 1
