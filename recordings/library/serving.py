"""Send stored bytes: conditions and errors are decided here, the bytes themselves by the edge if there is one."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse

from config.kernel.errors import ApiError
from config.kernel.streaming import file_range, stream
from recordings.library import ranges, storage
from recordings.uploads import content_range


@dataclass(frozen=True)
class Sendable:
    """A stored file and how it is shown: `name` for people, `attachment` or inline, `digest` adds Repr-Digest."""

    path: str
    size: int
    sha256: str
    mime_type: str
    name: str
    attachment: bool = False
    digest: bool = False

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'


def disposition(name: str, *, attachment: bool) -> str:
    """RFC 6266: an ASCII name for old clients and the whole one, percent-encoded, for all others; never a line break."""
    kind = "attachment" if attachment else "inline"
    plain = "".join(char if 32 <= ord(char) < 127 and char not in '"\\%;' else "_" for char in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def headers(item: Sendable) -> dict[str, str]:
    """What 200, 206 and 304 share."""
    shared = {
        "ETag": item.etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": disposition(item.name, attachment=item.attachment),
    }
    return {**shared, "Repr-Digest": content_range.field(item.sha256)} if item.digest else shared


def send(request, item: Sendable) -> HttpResponse:
    """200, 206 or 304. ApiError range_not_satisfiable; storage.Missing if the file is not what its row says."""
    # Opened first: what is refused here is refused on both paths, and the edge only ever sees a file that is there.
    handle = storage.open_regular(item.path, size=item.size)
    try:
        if ranges.has_it(request.headers.get("If-None-Match"), item.etag):
            return _empty(304, headers(item))
        span = _span(request, item)
    except ApiError:
        handle.close()
        raise
    shared = headers(item)
    if settings.MEDIA_ACCEL_PREFIX:
        handle.close()
        return _by_edge(request, item, shared)
    if span is not None:
        shared["Content-Range"] = span.content_range(item.size)
    start, length = (span.start, span.length) if span else (0, item.size)
    shared["Content-Length"] = str(length)
    status = 206 if span else 200
    if request.method == "HEAD":
        handle.close()
        return _empty(status, {**shared, "Content-Type": item.mime_type})
    return stream(request, file_range(handle, start, length), content_type=item.mime_type, status=status, headers=shared)


def _span(request, item: Sendable):
    if not ranges.if_range_holds(request.headers.get("If-Range"), item.etag):
        return None
    try:
        return ranges.parse(request.headers.get("Range"), item.size)
    except ranges.Unsatisfiable as error:
        raise ApiError("range_not_satisfiable", headers={"Content-Range": f"bytes */{item.size}"}) from error


def _empty(status: int, shared: dict) -> HttpResponse:
    reply = HttpResponse(status=status)
    if status == 304:
        del reply["Content-Type"]
    for name, value in shared.items():
        reply[name] = value
    return reply


def _by_edge(request, item: Sendable, shared: dict) -> HttpResponse:
    """The edge reads Range and If-Range itself, with the entity tag of the sidecar, which is the same one."""
    reply = _empty(200, {**shared, "Content-Type": item.mime_type})
    reply["X-Accel-Redirect"] = settings.MEDIA_ACCEL_PREFIX.rstrip("/") + "/" + item.path
    return reply


def name_for(recording_name: str, path: str) -> str:
    """The recording's name with the file's extension."""
    return f"{recording_name}{PurePosixPath(path).suffix}"
