"""manage.py audit_verify: exit 0 the trail is sound, 1 it is broken, 2 it could not be checked."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audit import archive_file, keys, months, verification
from audit.models import AuditArchive


class Command(BaseCommand):
    help = "Checks the audit's rows against their chain, checkpoints and anchors, and names each finding. Exit status: 0 sound, 1 broken, 2 could not check."

    def add_arguments(self, parser):
        parser.add_argument("--month", type=months.parse_month, metavar="YYYY-MM", help="only this month (default: every month)")
        parser.add_argument("--anchors", type=Path, metavar="FILE", help="a kept copy of the checkpoints (default: this installation's own)")
        parser.add_argument("--archive", type=Path, metavar="FILE", help="check an archived month, without the database")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, *args, month=None, anchors=None, archive=None, **options):
        own_keys = []
        try:
            if anchors is not None and not anchors.is_file():
                raise verification.CannotCheck(f"There is no anchors file {anchors.name}.")
            if archive is not None:
                report, own_keys = archive_file.verify(archive, anchors)
                reports = [report]
            else:
                reports = self._months(month, anchors)
        except (verification.CannotCheck, keys.KeyMissing, DatabaseError, OSError) as error:
            self._say({"sound": None, "error": str(error)}, f"could not check: {error}", options["json"])
            raise SystemExit(2) from error
        found = [finding for report in reports for finding in report.findings]
        self._report(reports, found, own_keys, options["json"])
        if found:
            raise SystemExit(1)

    @staticmethod
    def _months(month, anchors) -> list:
        chosen = [month] if month else verification.months_recorded()
        gone = AuditArchive.objects.filter(month=month).exclude(dropped_at=None).first() if month else None
        if gone is not None:
            raise verification.CannotCheck(f"{month:%Y-%m} is archived: check {gone.file} with --archive.")
        return [verification.verify_month(each, anchors or verification.default_anchors()) for each in chosen]

    def _report(self, reports, found: list[dict], own_keys: list[str], as_json: bool) -> None:
        lines = [
            f"{report.month:%Y-%m}: {report.rows} rows, {report.checkpoints} checkpoints, {len(report.findings) + report.more} findings"
            for report in reports
        ]
        lines += [" ".join([finding["finding"], *(f"{name}={value}" for name, value in finding.items() if name != "finding")]) for finding in found]
        if own_keys:
            lines.append(f"signed by {', '.join(own_keys)}: known from the file itself only; compare with the keys or anchors that you kept")
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
        self._say(
            {"sound": not found, "months": months_checked, "keysOnlyInFile": own_keys}, "\n".join([*lines, "broken" if found else "sound"]), as_json
        )

    def _say(self, facts: dict, text: str, as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)
