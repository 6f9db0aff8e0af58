"""The rows, in the order of the table. Each module has `run(options, house) -> list[Line]`; `HOUSE` says whether it needs Django."""

from importlib import import_module

NAMES = ("fanout", "frame", "ingest", "claim", "listing", "facets", "audit", "upload", "download", "whip", "start", "page")


def row(name: str):
    """The module of a row."""
    return import_module(f"bench.rows.{name}")
