"""Logging: text or JSON lines on stderr, and a copy of a few MB in the data folder.

A log that cannot be written never reaches a capture: handlers swallow their own errors.
"""

import json
import logging
import logging.handlers
import sys
import time
from pathlib import Path

from nodes.agent import durable

FILE_BYTES = 2 * 1024 * 1024
FILE_COUNT = 3


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    converter = time.gmtime

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(name)s: %(message)s")


def configure(style: str, level: str, data_dir: Path | None) -> None:
    """`style` text or json; `data_dir` None: stderr only."""
    formatter = JsonFormatter() if style == "json" else TextFormatter()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if data_dir is not None:
        try:
            folder = durable.make_private(data_dir / "log")
            handlers.append(logging.handlers.RotatingFileHandler(folder / "agent.log", maxBytes=FILE_BYTES, backupCount=FILE_COUNT, delay=True))
        except OSError:
            sys.stderr.write("the log folder cannot be written; logging to stderr only\n")
    logging.raiseExceptions = False
    root = logging.getLogger("tallyroom")
    root.handlers.clear()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(level.upper())
    root.propagate = False
