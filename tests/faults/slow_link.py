"""A TCP relay over loopback that is slow or cuts the line, for uploads that must resume."""

import socket
import threading
import time


class SlowLink:
    """Relays 127.0.0.1:port → target; upstream bytes are paced to `bytes_per_second`, and cut once after `cut_after` of them."""

    def __init__(self, target: tuple[str, int], *, bytes_per_second: float = 1e9, cut_after: int | None = None):
        self.target, self.rate, self.cut_after = target, bytes_per_second, cut_after
        self.sent = self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target, timeout=10)
            except OSError:
                return
            far.settimeout(None)
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source, sink, upstream: bool) -> None:
        try:
            while chunk := source.recv(16384):
                if upstream:
                    time.sleep(len(chunk) / self.rate)
                    self.sent += len(chunk)
                    if self.cut_after is not None and self.sent > self.cut_after:
                        self.cut_after, self.cuts = None, self.cuts + 1
                        break
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()

    def close(self) -> None:
        self.listener.close()
