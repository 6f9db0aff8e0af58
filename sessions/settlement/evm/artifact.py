"""The compiled contract beside its source. `python -m sessions.settlement.evm.artifact` writes it anew (needs vyper, a library of the tests)."""

import json
from pathlib import Path

HERE = Path(__file__).parent
SOURCE, COMPILED = HERE / "Escrow.vy", HERE / "escrow.json"


def load() -> dict:
    """`{compiler, abi, bytecode}`."""
    return json.loads(COMPILED.read_text())


def compile_source() -> dict:
    """The same from the source."""
    import vyper

    made = vyper.compile_code(SOURCE.read_text(), output_formats=["abi", "bytecode"])
    return {"compiler": f"vyper {vyper.__version__}", "abi": made["abi"], "bytecode": made["bytecode"]}


if __name__ == "__main__":
    COMPILED.write_text(json.dumps(compile_source(), indent=1) + "\n")
