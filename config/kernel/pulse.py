"""The worker's sign of life for `/readyz`: a key that a thread renews every 5 s and that dies with the process."""

import threading

from config.kernel import broker

KEY = broker.PREFIX + "worker"
_stopped = threading.Event()


def start() -> None:
    threading.Thread(target=_beat, name="pulse", daemon=True).start()


def stop() -> None:
    _stopped.set()


def _beat() -> None:
    while not _stopped.is_set():
        broker.attempt(lambda valkey: valkey.set(KEY, "1", ex=15))
        _stopped.wait(5)


def worker_is_alive() -> bool:
    return bool(broker.attempt(lambda valkey: valkey.exists(KEY), 0))
