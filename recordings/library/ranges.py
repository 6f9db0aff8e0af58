"""`Range`, `If-Range` and `If-None-Match` of RFC 9110, for one range. Pure."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"\s*bytes\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"(\d*)\s*-\s*(\d*)", re.ASCII)
_DIGITS = 19


class Unsatisfiable(ValueError):
    """A range that this file can't give: beyond its end, reversed, or more than one."""


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `end`, inclusive."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start + 1

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.end}/{size}"


def parse(header: str | None, size: int) -> Span | None:
    """The range that `header` asks of a file of `size` > 0 bytes; None: the whole file.

    A unit other than bytes and a header that is no range at all are ignored, as RFC 9110 has it; Unsatisfiable for the rest.
    """
    if not header or not (found := _RANGE.fullmatch(header)):
        return None
    specs = [spec.strip() for spec in found[1].split(",") if spec.strip()]
    if len(specs) > 1:
        raise Unsatisfiable("one range at a time")
    spec = _SPEC.fullmatch(specs[0]) if specs else None
    if spec is None or not (spec[1] or spec[2]) or max(len(spec[1]), len(spec[2])) > _DIGITS:
        raise Unsatisfiable("not a byte range")
    if not spec[1]:
        suffix = int(spec[2])
        if suffix == 0:
            raise Unsatisfiable("an empty suffix")
        return Span(max(0, size - suffix), size - 1)
    start, end = int(spec[1]), int(spec[2]) if spec[2] else size - 1
    if start >= size or end < start:
        raise Unsatisfiable("beyond the end")
    return Span(start, min(end, size - 1))


def if_range_holds(header: str | None, etag: str) -> bool:
    """Whether the range may be served: no condition, or exactly this strong tag (a date never is)."""
    return header is None or header.strip() == etag


def has_it(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller says that it holds this version."""
    if not if_none_match:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
