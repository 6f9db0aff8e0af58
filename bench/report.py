"""The table on the screen, and docs/performance.md."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Line, spell

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_HEAD = ("what", "here", "peer in the same run", "ratio", "target", "")
_BEGIN, _END = "<!-- table -->", "<!-- /table -->"


def _mark(line: Line) -> str:
    met = line.met is not False and all(growth.met for growth in line.growth)
    return "" if line.met is None and met else "met" if met else "**missed**"


def _cells(line: Line) -> tuple[str, ...]:
    return (line.what, line.ours, line.peer, line.figure, line.target, _mark(line))


def on_screen(lines: list[Line]) -> str:
    rows = [_HEAD, *map(_cells, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for index in reversed(range(len(lines))):
        text[index + 2 : index + 2] = [f"    {note}" for note in [*lines[index].notes, *map(_growth, lines[index].growth)]]
    return "\n".join(text)


def _growth(growth) -> str:
    points = ", ".join(f"{size:,}: {spell(seconds)}" for size, seconds in growth.points)
    exponent = "" if growth.exponent is None else f" → exponent {growth.exponent:.2f} (≤ {growth.limit:g})"
    return f"{growth.label}: {points}{exponent}"


def machine() -> str:
    """What it ran on, and how busy it was with other things: no name, no path."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.M)):
        model = found[1].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}; load {os.getloadavg()[2]:.1f} over the last 15 minutes"
    )


def markdown(lines: list[Line], command: str) -> str:
    """The table of a whole run, with the notes below it."""
    text = [f"Last run: {datetime.now(UTC):%Y-%m-%d}, `{command}`, on {machine()}.", "", f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD)]
    text += [f"| {' | '.join(_cells(line))} |" for line in lines]
    text.append("")
    for line in lines:
        text += [f"- {line.what}: {note}" for note in [*line.notes, *map(_growth, line.growth)]]
    return "\n".join(text)


def write(lines: list[Line], command: str) -> None:
    """Put the table in its place in the document."""
    before, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(f"{before}{_BEGIN}\n{markdown(lines, command)}\n{_END}{after}")
