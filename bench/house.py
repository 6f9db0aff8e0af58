"""The house that is measured in: its own PostgreSQL, Valkey, media folder, and Django in this process."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from config.stack import postgres, valkey

_INHERITED_SETTINGS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "MEDIA_ROOT", "PUBLIC_ORIGIN")


class House:
    """Servers run from construction until `close()`; tables are made by the migrations."""

    def __init__(self):
        self.var = Path(tempfile.mkdtemp(prefix="tallyroom-bench-"))
        atexit.register(shutil.rmtree, self.var, ignore_errors=True)
        (self.var / "secrets").mkdir()
        self.database_url, self._postgres = postgres.start_temporary()
        self.redis_url, self._valkey = valkey.start_temporary()
        for name in _INHERITED_SETTINGS:
            os.environ.pop(f"{name}_FILE", None)
        self.environment = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "TALLYROOM_VAR": str(self.var),
            "MEDIA_ROOT": str(self.var / "media"),
            "SECRET_KEY": "bench-only-" + "x" * 50,
            "PUBLIC_ORIGIN": "http://127.0.0.1",
            "RATE_LIMIT_ENABLED": "0",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        os.environ.update(self.environment)
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        self._django()

    @staticmethod
    def _django() -> None:
        import django
        from django.conf import settings

        django.setup()
        settings.ROOT_URLCONF = "bench.urls"
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        from recordings.library import storage

        # While the library is empty: later, a folder without its marker would look like one whose file system is not there.
        storage.prepare()

    def close(self) -> None:
        from django.db import connections

        connections.close_all()
        valkey.stop(self._valkey)
        postgres.stop(self._postgres)
