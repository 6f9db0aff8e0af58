"""Every verb that may be recorded: the `VERBS` of each app's `verbs.py`. One that is not listed raises, so the list stays true."""

import re
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps

SHAPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}")


class UnknownVerb(LookupError):
    """A verb that no app lists in its `verbs.py`."""


@lru_cache(1)
def known() -> frozenset[str]:
    """All verbs of the installed apps; ValueError for one of another shape."""
    found = set()
    for config in apps.get_app_configs():
        if find_spec(f"{config.name}.verbs"):
            found.update(import_module(f"{config.name}.verbs").VERBS)
    if wrong := [verb for verb in found if not SHAPE.fullmatch(verb)]:
        raise ValueError(f"not <area>.<thing>.<past>: {wrong}")
    return frozenset(str(verb) for verb in found)


def check(verb: str) -> str:
    """`verb` if it is listed, else UnknownVerb."""
    if verb not in known():
        raise UnknownVerb(f"{verb} is in no app's verbs.py")
    return str(verb)
