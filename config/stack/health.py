"""Is it ready? Checks over sockets and HTTP, and the few statements that make the embedded database usable."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gist")


def database_answers(url: str) -> bool:
    """Whether PostgreSQL answers a query at `url`; False while it starts, recovers or refuses."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def broker_answers(url: str) -> bool:
    """Whether Valkey or Redis answers a PING at `url`; False while it is still loading."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def http_status(url: str, *, host: str | None = None, timeout_seconds: float = 5) -> int | None:
    """The status of a GET at `url`, sent with the Host header `host`; None when nothing answers.

    Certificates are not verified: this only ever asks our own processes on this machine.
    """
    parts = urlsplit(url)
    headers = {"Host": host} if host else {}
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_seconds, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def create_database(url: str, *, maintenance_url: str) -> None:
    """Make the database of `url` and its extensions where they are missing; harmless to repeat."""
    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(maintenance_url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(url, autocommit=True) as connection:
        present = {extension for (extension,) in connection.execute("SELECT extname FROM pg_extension")}
        for extension in EXTENSIONS:
            if extension not in present:
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))


def applied_migrations(url: str) -> list[str]:
    """`["app.name", …]`, sorted, of Django's record in the database; empty when there is none yet."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        if connection.execute("SELECT to_regclass('django_migrations')").fetchone() == (None,):
            return []
        return sorted(f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations"))
