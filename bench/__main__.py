"""`python -m bench`: see the package."""

import argparse
import sys
import time
import traceback

from bench import report, rows
from bench.measure import Line, Options


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure, print the table, and write docs/performance.md after a run of all rows."
    )
    parser.add_argument("rows", nargs="*", metavar="row", help=f"some of: {', '.join(rows.NAMES)} (default: all)")
    parser.add_argument("--scale", type=int, choices=(1, 10, 100), default=10, help="up to how many times the smallest data (default 10)")
    parser.add_argument("--quick", action="store_true", help="short rounds, small files: to see that it works")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - set(rows.NAMES):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    chosen = [name for name in rows.NAMES if not options.rows or name in options.rows]
    lines, failed = _measure(chosen, Options(options.scale, options.quick))
    print()
    print(report.on_screen(lines))
    if not options.rows and not failed:
        report.write(lines, " ".join(["python -m bench", *arguments]))
        print(f"\nwritten to {report.DOCUMENT.parent.name}/{report.DOCUMENT.name}")
    return 1 if failed else 0


def _measure(names: list[str], options: Options) -> tuple[list[Line], list[str]]:
    """The lines of all rows that could be measured, and the names of those that could not."""
    lines, failed = [], []
    modules = {name: rows.row(name) for name in names}
    house = None
    if any(module.HOUSE for module in modules.values()):
        from bench.house import House

        house = House()
    try:
        for name, module in modules.items():
            began = time.perf_counter()
            print(f"{name} …", end=" ", flush=True)
            try:
                lines += module.run(options, house)
                print(f"{time.perf_counter() - began:.1f} s")
            except Exception:  # noqa: BLE001 - one row's failure is shown, the others are still measured
                failed.append(name)
                print("failed")
                traceback.print_exc()
    finally:
        if house is not None:
            house.close()
    return lines, failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
