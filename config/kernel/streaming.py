"""One way to send a body in chunks on both servers.

Django under ASGI collects a *synchronous* stream into memory, under WSGI an asynchronous one, so a bare StreamingHttpResponse is right on one
of the two servers only (a lint forbids it elsewhere).
"""

import asyncio
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

CHUNK_BYTES = 256 * 1024


def stream(request, chunks: Iterable[bytes], *, content_type: str, status: int = 200, headers: dict | None = None) -> StreamingHttpResponse:
    """A response that sends `chunks` as they come, with constant memory, under WSGI and ASGI."""
    body = _in_threads(iter(chunks)) if hasattr(request, "scope") or hasattr(getattr(request, "_request", None), "scope") else chunks
    reply = StreamingHttpResponse(body, content_type=content_type, status=status)
    for name, value in (headers or {}).items():
        reply[name] = value
    return reply


async def _in_threads(chunks: Iterator[bytes]):
    end = object()
    try:
        while (chunk := await asyncio.to_thread(next, chunks, end)) is not end:
            yield chunk
    finally:
        if close := getattr(chunks, "close", None):
            await asyncio.to_thread(close)


def file_range(handle, start: int, length: int):
    """`length` bytes of an open file from `start`, in chunks; closes it at the end."""
    with handle:
        handle.seek(start)
        while length > 0 and (chunk := handle.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


def live_stream(request, asynchronous, synchronous, *, content_type: str, headers: dict | None = None) -> StreamingHttpResponse:
    """A stream that stays open: `asynchronous()` gives the chunks under ASGI, in the loop of the process; `synchronous()` under WSGI, where it must end.

    Both are functions that return a fresh (async) iterator of bytes, so only the one that this server can send is started.
    """
    on_asgi = hasattr(request, "scope") or hasattr(getattr(request, "_request", None), "scope")
    reply = StreamingHttpResponse(asynchronous() if on_asgi else synchronous(), content_type=content_type)
    for name, value in (headers or {}).items():
        reply[name] = value
    return reply
