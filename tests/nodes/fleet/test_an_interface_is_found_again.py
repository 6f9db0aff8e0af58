"""Matching an inventory: names move at boot, a serial number does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.fleet.inventory import Identity, match
from nodes.fleet.models import Interface
from tests.factories.nodes import heartbeat, make_node, reported_interface

few = st.sampled_from(["", "a", "b", "c"])
identities = st.lists(st.builds(Identity, serial_number=few, hardware_path=few, system_ref=few, system_name=few), max_size=6)


@given(identities, identities)
def test_nothing_is_found_twice_and_no_serial_number_becomes_another(known, reported):
    found = match(known, reported)
    hits = [index for index in found if index is not None]
    assert len(found) == len(reported) and len(hits) == len(set(hits))
    for new, index in zip(reported, found, strict=True):
        if index is None:
            continue
        old = known[index]
        assert not (old.serial_number and new.serial_number and old.serial_number != new.serial_number)
        assert any(getattr(old, key) and getattr(old, key) == getattr(new, key) for key in ("serial_number", "hardware_path", "system_ref"))


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_devices_with_serial_numbers_are_found_wherever_they_are_plugged_in(order, names):
    known = [Identity(f"s{n}", f"usb-{n}", f"hw:{n}", "XUSB") for n in range(5)]
    reported = [Identity(f"s{n}", f"usb-{names[n]}", f"hw:{names[n]}", "XUSB") for n in order]
    assert match(known, reported) == list(order)


@given(identities)
def test_the_same_inventory_again_is_the_same_interfaces(known):
    distinct = list(dict.fromkeys(item for item in known if item.serial_number or item.hardware_path or item.system_ref))
    assert match(distinct, distinct) == list(range(len(distinct)))


@pytest.mark.parametrize(
    ("known", "reported", "found"),
    [
        (Identity("", "usb-1", "hw:0"), Identity("", "usb-1", "hw:3"), 0),
        (Identity("", "usb-1", "hw:0"), Identity("", "usb-2", "hw:0"), 0),
        (Identity("A", "usb-1", "hw:0"), Identity("B", "usb-1", "hw:0"), None),
        (Identity("A", "usb-1", "hw:0"), Identity("", "usb-9", "hw:9"), None),
    ],
)
def test_by_serial_then_path_then_reference(known, reported, found):
    assert match([known], [reported]) == [found]


def test_two_inputs_of_one_device_share_its_serial_and_keep_apart():
    known = [Identity("A", "usb-1", "hw:X,0"), Identity("A", "usb-1", "hw:X,1")]
    assert match(known, [known[1], known[0]]) == [1, 0]


@pytest.mark.django_db
def test_a_card_that_comes_back_under_another_name_keeps_what_a_person_said_of_it(node_client, api, alice):
    node = make_node(channels=0)
    client = node_client(node)

    def beat(seq, *interfaces):
        assert client.post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=seq, interfaces=list(interfaces))).status_code == 202

    beat(1, reported_interface())
    before = Interface.objects.get(node=node)
    assert api(alice).patch(f"/nodes/{node.pk}/interfaces/{before.pk}", {"alias": "Stage box"}).status_code == 200
    beat(2)
    assert Interface.objects.get(pk=before.pk).state == "lost"
    beat(
        3,
        reported_interface(systemName="XUSB_1", systemRef="hw:XUSB_1,0", hardwarePath="usb-3", channelCount=6),
        reported_interface(serialNumber="B2", systemRef="hw:0"),
    )
    after = Interface.objects.get(pk=before.pk)
    assert (after.alias, after.system_ref, after.state, after.channel_count) == ("Stage box", "hw:XUSB_1,0", "open", 6)
    assert after.channels.count() == 6 and Interface.objects.filter(node=node).count() == 2
