"""Requests into the WSGI application itself: what a web process spends on one, without sockets."""

import io
from urllib.parse import urlsplit


class Caller:
    """Calls as one credential. Every answer is drained and closed, as a server does."""

    def __init__(self, token: str = ""):
        from django.core.wsgi import get_wsgi_application

        self._application = get_wsgi_application()
        self._token = token

    def request(self, method: str, url: str, body: bytes = b"", *, content_type: str = "application/json", **headers: str) -> tuple[int, bytes]:
        """(status, body of the answer). Header names have underscores: `content_range="bytes …"`."""
        return self.send(method, url, io.BytesIO(body), len(body), content_type=content_type, **headers)

    def send(self, method: str, url: str, body, length: int, *, content_type: str, **headers: str) -> tuple[int, bytes]:
        """The same with a file-like body of `length` bytes."""
        parts = urlsplit(url)
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(length),
            "HTTP_HOST": "127.0.0.1",
            "wsgi.input": body,
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        if self._token:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self._token}"
        status: list[int] = []
        answer = self._application(environ, lambda line, _headers, _info=None: status.append(int(line[:3])))
        try:
            return status[0], b"".join(answer)
        finally:
            answer.close()

    def expect(self, status: int, method: str, url: str, body: bytes = b"", **options) -> bytes:
        """The body of an answer with this status; AssertionError otherwise."""
        found, content = self.request(method, url, body, **options)
        if found != status:
            raise AssertionError(f"{method} {url}: {found} {content[:500]!r}")
        return content
