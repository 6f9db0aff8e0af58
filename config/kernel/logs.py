"""Structured logs, one line per event: readable by people, parseable by machines (LOG_FORMAT=json), without secrets."""

import logging
import logging.config
import sys

from config import env
from config.kernel import later
from config.kernel.credentials import redacted

with later.without("rich", "twisted"):
    # The first import of it, as the settings come before everything else.
    import structlog


def _redact(_logger, _method, event):
    return {key: redacted(value) if isinstance(value, str) else value for key, value in event.items()}


def configure(options: dict) -> None:
    """Django's LOGGING_CONFIG hook; `options` is settings.LOGGING."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]
    final = structlog.processors.JSONRenderer() if env.text("LOG_FORMAT") == "json" else structlog.dev.ConsoleRenderer(colors=False)
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, final],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {"out": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line"}},
            "root": {"handlers": ["out"], "level": options.get("level", "INFO")},
            "loggers": {
                # Its own access lines would carry raw paths and queries.
                "django.request": {"level": "CRITICAL"},
                "django.channels.server": {"level": "WARNING"},
                "daphne": {"level": "WARNING"},
                "axes": {"level": "ERROR"},
                "celery": {"level": "WARNING"},
                "kombu": {"level": "ERROR"},
                "httpx": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
