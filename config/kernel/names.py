"""snake_case inside, camelCase on the wire."""

import re
from functools import lru_cache


@lru_cache(4096)
def camel(name: str) -> str:
    """`last_seen_at` → `lastSeenAt`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@lru_cache(4096)
def snake(name: str) -> str:
    """`lastSeenAt` → `last_seen_at`."""
    return re.sub(r"(?<!^)([A-Z])", lambda m: "_" + m.group(1).lower(), name)


class FreeForm(dict):
    """A mapping whose keys belong to the client and are never renamed."""


def camelized(value):
    """A copy with every mapping key in camelCase, but for `FreeForm` parts."""
    if isinstance(value, FreeForm):
        return dict(value)
    if isinstance(value, dict):
        return {camel(key) if isinstance(key, str) else key: camelized(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [camelized(item) for item in value]
    return value
