"""Reading `/metrics` in tests."""

import re


def series(client, name: str) -> dict[str, float]:
    """Label value (or "") → value, of the series `tallyroom_<name>` with one label at most, as this client sees it."""
    text = client.get("/metrics").content.decode()
    found = re.findall(rf'^tallyroom_{name}(?:\{{\w+="([^"]*)"\}})? (\S+)$', text, re.M)
    return {label: float(value) for label, value in found}
