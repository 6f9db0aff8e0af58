"""What the controller would like, as last heard. Hints are wanted state: the agent converges on it.

They come in every reply and over the socket; losing one loses nothing but time. What this agent
does not know yet (feeds) is kept and otherwise ignored.
"""

import asyncio
import logging
import time

log = logging.getLogger("tallyroom.agent.hints")

#: How long a 100 ms grant lasts unless it is given again.
WATCH_SECONDS = 30.0


class Hints:
    """Use from one asyncio loop."""

    def __init__(self) -> None:
        self.config_version: str | None = None
        self.claim = asyncio.Event()
        self.config_changed = asyncio.Event()
        self.job_news: dict[str, asyncio.Event] = {}
        self.feeds: list[dict] = []
        self._watched_until = 0.0
        self._applied_config: str | None = None

    @property
    def watched(self) -> bool:
        """Whether someone looks at the meters (levels each 100 ms)."""
        return time.monotonic() < self._watched_until

    def take(self, hints: object) -> None:
        """Read a `hints` object; anything of another shape is ignored."""
        if not isinstance(hints, dict):
            return
        log.debug("hints: %s", hints)
        version = hints.get("configVersion")
        if isinstance(version, str):
            self.config_version = version
            if version != self._applied_config:
                self.config_changed.set()
        if hints.get("claim") is True:
            self.claim.set()
        for job_id in hints.get("jobs") or []:
            if job_id in self.job_news:
                self.job_news[job_id].set()
        if "meterPeriodMs" in hints:
            watched = hints["meterPeriodMs"] == 100
            self._watched_until = time.monotonic() + WATCH_SECONDS if watched else 0.0
        if isinstance(hints.get("feeds"), list):
            self.feeds = hints["feeds"]

    def config_applied(self, version: str | None) -> None:
        self._applied_config = version
        if self.config_version in (None, version):
            self.config_changed.clear()

    def watch_job(self, job_id: str) -> asyncio.Event:
        """The event that says there is news of this job."""
        return self.job_news.setdefault(job_id, asyncio.Event())

    def forget_job(self, job_id: str) -> None:
        self.job_news.pop(job_id, None)
