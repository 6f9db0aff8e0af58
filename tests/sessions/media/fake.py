"""A provider in memory, and what the session would hear, for tests of the services around them."""

from dataclasses import replace

from config.kernel.errors import ApiError
from sessions.media.provider import Capabilities, Input, Listed, Playback, Status
from sessions.media.states import Flow


class Fake:
    """`made` name → ref, `down` refuses everything, `statuses` ref → Status, `deleted` refs in order,
    `recorded` (ref, Take or None) in order, `taken` what it says of that, `during_create` runs inside create."""

    name = "fake"
    capabilities = Capabilities(unaltered=True, kick=True, edge_admission=True, whep=True, edge_tokens=True, recording=True)

    def __init__(self):
        self.made: dict[str, str] = {}
        self.created_at: dict[str, object] = {}
        self.statuses: dict[str, Status] = {}
        self.deleted: list[str] = []
        self.kicked: list[tuple] = []
        self.recorded: list[tuple] = []
        self.taken: dict[str, str] = {}
        self.down = False
        self.during_create = lambda: None

    def _up(self):
        if self.down:
            raise ApiError("provider_unavailable")

    def create(self, name, publish_token):
        self._up()
        self.made[name] = name
        self.during_create()
        return self.urls(name, publish_token)

    def urls(self, ref, publish_token):
        return Input(ref, f"http://edge/whip/{publish_token}", None)

    def find(self, name):
        self._up()
        return self.made.get(name)

    def get(self, ref):
        self._up()
        return self.urls(ref, "") if ref in self.made else None

    def delete(self, ref):
        self._up()
        self.deleted.append(ref)
        self.made.pop(ref, None)

    def record(self, ref, take):
        self._up()
        self.recorded.append((ref, take))
        self.taken[ref] = str(take.recording) if take else ""

    def inputs(self):
        self._up()
        return [Listed(ref, name, self.created_at.get(name)) for name, ref in self.made.items()]

    def status(self, ref):
        self._up()
        return replace(self.statuses.get(ref, Status(Flow.IDLE)), recording=self.taken.get(ref))

    def kick(self, ref, what, group=""):
        self._up()
        self.kicked.append((ref, what, group))

    def viewer(self, ref, token):
        return Playback(f"http://edge/whep/{token}")

    def verify_webhook(self, headers, raw_body):
        raise ApiError("signature_invalid")

    def frame(self, ref, max_width):
        self._up()
        return b"\xff\xd8"
