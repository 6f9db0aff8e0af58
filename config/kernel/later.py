"""Modules that are heavy to import and that few processes, or few calls, need.

av = module("av")           # imported when somebody first asks it for something
av.open(path)

Every process of the stack imports every app; a library of half a second counts five times at each start. What such a name stands for can't
be used at the top of a module (base classes, decorators, constants): there it would be imported after all.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class module:  # noqa: N801 - reads like the statement that it stands for
    """Stands for the module `name`; asking for an attribute imports it. Half a microsecond each time: not for the innermost loop."""

    def __init__(self, name: str):
        self.__name__ = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            # Whoever looks a name over (mocks, doctest, copy) is not using it.
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self.__name__), attribute)


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Have the import inside believe that these packages are not installed: it would load them for what it offers with them, and nobody here uses."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
