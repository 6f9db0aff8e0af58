"""Once an input is gone its recording is closed: whoever asks for the end, and however often."""

import asyncio
from types import SimpleNamespace

from sessions.media.edge.registry import Registry


class Slow:
    """A recorder whose disk takes until `go` is set."""

    def __init__(self):
        self.go, self.closed = asyncio.Event(), False

    async def close(self):
        await self.go.wait()
        self.closed = True


def make(tmp_path):
    registry = Registry(SimpleNamespace(tell=lambda *_: None))
    channel = registry.ensure("in", b"d", "session", None)
    recorder = channel._recorder = Slow()

    async def left(): ...

    publisher = SimpleNamespace(close=left, octets=0, receiving={}, last_packet=None)
    channel.publisher = publisher
    return registry, channel, publisher, recorder


async def _not_yet(*work):
    done, _ = await asyncio.wait(work, timeout=0.05)
    assert not done


def test_a_second_removal_waits_for_the_first(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path

    async def story():
        registry, _, _, recorder = make(tmp_path)
        first, second = (asyncio.ensure_future(registry.drop("in")) for _ in range(2))
        await _not_yet(first, second)
        first.cancel()
        recorder.go.set()
        assert await second is False
        assert recorder.closed
        assert await registry.drop("in") is False

    asyncio.run(story())


def test_a_removal_waits_for_a_publisher_that_is_leaving_by_itself(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path

    async def story():
        registry, channel, publisher, recorder = make(tmp_path)
        leaving = asyncio.ensure_future(channel.unpublish(publisher))
        await asyncio.sleep(0)
        removal = asyncio.ensure_future(registry.drop("in"))
        await _not_yet(leaving, removal)
        recorder.go.set()
        assert await removal is True
        assert recorder.closed

    asyncio.run(story())
