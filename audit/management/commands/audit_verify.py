"""manage.py audit_verify: exit 0 the trail is sound, 1 it is broken, 2 it could not be checked."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audit import keys, months, verification


class Command(BaseCommand):
    help = "Checks the audit's rows against their chain, checkpoints and anchors, and names each finding. Exit status: 0 sound, 1 broken, 2 could not check."

    def add_arguments(self, parser):
        parser.add_argument("--month", type=months.parse_month, metavar="YYYY-MM", help="only this month (default: every month)")
        parser.add_argument("--anchors", type=Path, metavar="FILE", help="a kept copy of the checkpoints (default: this installation's own)")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, *args, month=None, anchors=None, **options):
        try:
            if anchors is not None and not anchors.is_file():
                raise verification.CannotCheck(f"There is no anchors file {anchors.name}.")
            chosen = [month] if month else verification.months_recorded()
            reports = [verification.verify_month(each, anchors or verification.default_anchors()) for each in chosen]
        except (verification.CannotCheck, keys.KeyMissing, DatabaseError, OSError) as error:
            self._say({"sound": None, "error": str(error)}, f"could not check: {error}", options["json"])
            raise SystemExit(2) from error
        found = [finding for report in reports for finding in report.findings]
        self._report(reports, found, options["json"])
        if found:
            raise SystemExit(1)

    def _report(self, reports, found: list[dict], as_json: bool) -> None:
        lines = [
            f"{report.month:%Y-%m}: {report.rows} rows, {report.checkpoints} checkpoints, {len(report.findings) + report.more} findings"
            for report in reports
        ]
        lines += [" ".join([finding["finding"], *(f"{name}={value}" for name, value in finding.items() if name != "finding")]) for finding in found]
        months_checked = [
            {
                "month": f"{report.month:%Y-%m}",
                "rows": report.rows,
                "checkpoints": report.checkpoints,
                "findings": report.findings,
                "more": report.more,
            }
            for report in reports
        ]
        self._say({"sound": not found, "months": months_checked}, "\n".join([*lines, "broken" if found else "sound"]), as_json)

    def _say(self, facts: dict, text: str, as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)
