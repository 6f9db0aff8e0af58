"""The embedded server in a thread, without database or control plane: who is let in and what it tells are plain Python here."""

import asyncio
import threading
from pathlib import Path
from uuid import UUID

import httpx

from config.kernel import credentials
from sessions.media import admission, joining, tokens
from sessions.media.edge.server import Server
from sessions.media.provider import Take

RECORDING, OTHER = UUID("0196c8a1-7b00-7000-8000-00000000000a"), UUID("0196c8a1-7b00-7000-8000-00000000000b")


class Told:
    """In the place of `Facts`: keeps what was told as (ref, kind, Unix seconds)."""

    def __init__(self):
        self.heard: list[tuple[str, str, float]] = []

    def tell(self, ref, kind, at, event_id=None):
        self.heard.append((ref, kind, at))

    async def run(self):
        await asyncio.Event().wait()

    async def recall(self): ...

    async def publish_stats(self, rows): ...

    async def remember(self, alive): ...

    async def drain(self, seconds): ...

    async def close(self): ...


class Edge:
    """`publish(ref)` and `view(ref)` give the tokens of an input; `http` talks to the server. `take`: what a new publisher's input records."""

    def __init__(self, monkeypatch, media_root: Path):
        self.take: Take | None = Take(RECORDING)
        self.closed: set[str] = set()
        self._publish: dict[str, str] = {}
        self._view: dict[str, tuple[str, str]] = {}
        monkeypatch.setattr(admission, "publisher", self._admit_publisher)
        monkeypatch.setattr(admission, "viewer", self._admit_viewer)
        self.told = Told()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self.root = media_root
        self._thread.start()
        assert self._ready.wait(10)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.http = httpx.Client(base_url=self.url, timeout=20, trust_env=False)
        self.control = httpx.Client(
            base_url=f"{self.url}/control", timeout=20, trust_env=False, headers={"Authorization": f"Bearer {tokens.control()}"}
        )

    def _serve(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._run())

    async def _run(self):
        self.server = Server("127.0.0.1", 0)
        self.server.facts = self.server.registry.facts = self.told
        await self.server.start()
        self._ready.set()
        await self._ended.wait()
        await self.server.stop()

    def stop(self):
        self.http.close()
        self.control.close()
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(20)
        self.loop.close()

    def call(self, coroutine):
        """Run something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def publish(self, ref: str) -> str:
        token = tokens.publish(ref).token
        self._publish[token] = ref
        return token

    def view(self, ref: str, group: str = "workspace:1") -> str:
        token = credentials.mint(tokens.PREFIX).token
        self._view[token] = (ref, group)
        return token

    def channel(self, ref: str):
        return self.server.registry.channels[ref]

    def record(self, ref: str, recording: UUID | None, until: float | None = None):
        """What the control plane says, as its adapter does."""
        return self.control.put(f"/inputs/{ref}/recording", json={"recording": str(recording) if recording else None, "until": until})

    def kept(self, ref: str, recording: UUID = RECORDING) -> list[Path]:
        """The segments of a recording, oldest first."""
        return [segment.path for segment in joining.segments(self.root / "sessions" / f"session-{ref}" / str(recording))]

    def stats(self, ref: str) -> dict:
        return self.control.get(f"/inputs/{ref}").json()

    def _admit_publisher(self, token):
        ref = self._publish.get(token)
        if ref is None:
            raise admission.Refused("credential_not_accepted" if token in self._view else "credential_invalid")
        if ref in self.closed:
            raise admission.Refused("not_found")
        return admission.Publishing(ref, credentials.digest(token), f"session-{ref}", self.take)

    def _admit_viewer(self, token):
        if token not in self._view:
            raise admission.Refused("credential_not_accepted" if token in self._publish else "credential_invalid")
        ref, group = self._view[token]
        if ref in self.closed:
            raise admission.Refused("not_found")
        return admission.Viewing(ref, group)
