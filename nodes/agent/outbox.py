"""What must reach the controller in the end: health events and terminal posts, a file each.

Survives a restart; at most 10,000, the oldest information dropped first. A full disk here never
reaches a capture: what cannot be written is kept in memory and logged.
"""

import errno
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from nodes.agent import durable

log = logging.getLogger("tallyroom.agent.outbox")

LIMIT = 10_000
#: What goes first when there are too many; a terminal post is never dropped.
_DROP_ORDER = ("info", "warning", "critical")


@dataclass(frozen=True)
class Post:
    """One request that waits: POST `path` with `body`; `severity` None marks a terminal post."""

    id: str
    path: str
    body: dict
    severity: str | None = None


class Outbox:
    """Thread-safe. `pending` is in order of creation (the ids are ordered by time)."""

    def __init__(self, data_dir: Path):
        self._folder = durable.make_private(data_dir / "outbox")
        self._lock = threading.Lock()
        self._posts: dict[str, Post] = {}
        for path in sorted(self._folder.glob("*.json")):
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            stored = durable.read_json(path) or {}
            post = Post(path.stem, stored["path"], stored["body"], stored["severity"])
        except (ValueError, KeyError, OSError):
            path.rename(path.with_suffix(".bad"))
            return
        self._posts[post.id] = post

    def __len__(self) -> int:
        return len(self._posts)

    def pending(self) -> list[Post]:
        with self._lock:
            return [self._posts[key] for key in sorted(self._posts)]

    def add(self, path: str, body: dict, *, severity: str | None = None) -> str:
        """Returns the id, which is durable unless the disk refuses."""
        post = Post(durable.uuid7(), path, body, severity)
        with self._lock:
            self._posts[post.id] = post
        try:
            durable.write_json(
                self._folder / f"{post.id}.json",
                {"path": path, "body": body, "severity": severity},
            )
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "?")
            log.error("the outbox cannot be written (%s); kept in memory", name)
        # After the write: what is dropped may be this very post, and its file must not come back with the next start.
        with self._lock:
            self._drop_surplus()
        return post.id

    def done(self, post_id: str) -> None:
        with self._lock:
            self._posts.pop(post_id, None)
        try:
            (self._folder / f"{post_id}.json").unlink(missing_ok=True)
        except OSError:
            log.exception("a sent post could not be removed; it will be sent again")

    def _drop_surplus(self) -> None:
        while len(self._posts) > LIMIT:
            victim = self._victim()
            if victim is None:
                return
            del self._posts[victim]
            (self._folder / f"{victim}.json").unlink(missing_ok=True)

    def _victim(self) -> str | None:
        for severity in _DROP_ORDER:
            for key in sorted(self._posts):
                if self._posts[key].severity == severity:
                    return key
        return None
