"""What a first start needs of each app. `manage.py bootstrap` runs the steps in the order of registration; each is harmless to repeat.

bootstrap.register("node", lambda: {"id": str(bootstrap_local_node(directory).pk)}, bare=False)      # in the app's ready()
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`run()` answers a JSON-ready dict, printed under `name`. `bare`: runs with `--bare` too."""

    name: str
    run: Callable[[], dict | None]
    bare: bool


_steps: dict[str, Step] = {}


def register(name: str, run: Callable[[], dict | None], *, bare: bool = False) -> None:
    """Add a step, or replace the one of this name."""
    _steps[name] = Step(name, run, bare)


def steps(*, bare: bool) -> list[Step]:
    """Those of this start."""
    return [step for step in _steps.values() if step.bare or not bare]
