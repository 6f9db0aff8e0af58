"""Signed stills: valid, by whom, and what is none."""

import random

import pytest

from sessions.telemetry import jumbf, stills
from tests.factories.stills import Camera, jpeg


@pytest.fixture(scope="module")
def camera():
    return Camera()


@pytest.fixture(scope="module")
def signed(camera):
    return camera.sign(jpeg())


def test_a_signed_still_is_valid_and_says_by_whom(camera, signed):
    assert stills.check(signed) == (True, camera.sha256)


def test_a_long_manifest_lies_in_several_segments(camera):
    picture = camera.sign(jpeg(side=2048))
    assert stills.check(picture) == (True, camera.sha256)


def test_a_still_that_was_signed_again_is_by_the_last_signer(signed):
    other = Camera()
    assert stills.check(other.sign(signed)).certificate_sha256 == other.sha256


def test_a_flipped_byte_of_the_picture_breaks_it(camera, signed):
    for back in (20, 40):
        broken = bytearray(signed)
        broken[-back] ^= 1
        assert stills.check(bytes(broken)) == (False, camera.sha256)


def test_without_a_manifest():
    with pytest.raises(stills.NoManifest):
        stills.check(jpeg())


@pytest.mark.parametrize("raw", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"x" * 100])
def test_what_is_no_picture(raw):
    with pytest.raises(stills.NoPicture):
        stills.check(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xd8\xff\xe0" + bytes(60),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9",
        b"\xff\xd8\xff\xeb\x00\x02\xff\xd9",
        jpeg()[:300],
        jpeg()[:20],
    ],
    ids=["zeros", "nothing in it", "an empty APP11", "cut off", "cut off early"],
)
def test_what_is_no_whole_picture_and_claims_nothing_breaks_nothing(raw):
    with pytest.raises(stills.NoManifest):
        stills.check(raw)


def test_a_manifest_that_is_cut_off_is_an_invalid_one(signed):
    assert stills.check(signed[: signed.index(b"c2pa") + 200]) == (False, None)


def test_damage_of_any_kind_is_an_answer_and_not_an_error(signed):
    chance = random.Random(7)
    for _ in range(150):
        raw = bytearray(signed)
        for _ in range(chance.choice([1, 2, 50])):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        raw = raw[: chance.choice([len(raw), chance.randrange(3, len(raw))])]
        try:
            found = stills.check(bytes(raw))
        except (stills.NoManifest, stills.NoPicture):
            continue
        assert isinstance(found.valid, bool)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xd8\xff\xeb\x00\x02", b"\xff\xd8\xff\xeb\xff\xffJP\x00\x01" + b"\x00" * 60, b"\xff\xd8" + b"\xff\xeb\x00\x1aJP" + b"\xff" * 22],
)
def test_boxes_that_are_none(raw):
    with pytest.raises(jumbf.Unreadable):
        jumbf.certificate(raw, "urn:c2pa:x")
