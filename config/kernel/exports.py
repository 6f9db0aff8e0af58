"""Exports: CSV or JSONL, streamed, never cached, formula cells defused."""

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime

from rest_framework import serializers

from config.kernel import clock, wire
from config.kernel.errors import ApiError, FieldError
from config.kernel.serializers import Serializer
from config.kernel.streaming import stream

_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Money(int):
    """A cell of whole µUSDC: digits in CSV, a decimal string in JSONL, whose readers' numbers end at 2⁵³."""


Columns = list[tuple[str, Callable]]


class ExportBody(Serializer):
    """`{ids: [1–500]}`: these rows, in this order."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=500)


def cell(value) -> str:
    """One CSV cell. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return clock.wire(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        value = "; ".join(str(item) for item in value)
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_chunks(rows: Iterable, columns: Columns):
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([name for name, _ in columns])
    for index, row in enumerate(rows):
        writer.writerow([cell(read(row)) for _, read in columns])
        if index % 200 == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def jsonl_chunks(rows: Iterable, columns: Columns):
    for row in rows:
        values = {name: read(row) for name, read in columns}
        yield wire.dumps({name: str(int(value)) if isinstance(value, Money) else value for name, value in values.items()}) + b"\n"


def format_of(request) -> str:
    """csv or jsonl: what `format` says; without it CSV, unless only JSONL is accepted."""
    accepted = request.headers.get("Accept", "")
    value = request.GET.get("format") or ("jsonl" if _TYPES["jsonl"] in accepted and "text/csv" not in accepted else "csv")
    if value not in _TYPES:
        raise FieldError("format", "invalid", "format must be csv or jsonl.")
    return value


def respond(request, rows: Iterable, columns: Columns, *, name: str, kind: str):
    """The streamed download `<name>-<date>.<kind>`."""
    chunks = csv_chunks(rows, columns) if kind == "csv" else jsonl_chunks(rows, columns)
    return stream(
        request,
        chunks,
        content_type=_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{clock.now():%Y-%m-%d}.{kind}"',
            "Cache-Control": "no-store",
        },
    )


def in_order(queryset, ids: list) -> list:
    """Rows of `ids` in that order; one that is absent or hidden: 404 for all."""
    found = {row.pk: row for row in queryset.filter(pk__in=ids)}
    if missing := [pk for pk in ids if pk not in found]:
        raise ApiError("not_found", about=[(queryset.model, pk) for pk in missing])
    return [found[pk] for pk in ids]
