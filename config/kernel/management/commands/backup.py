"""`manage.py backup FOLDER`: the database, and the manifest of the media (with `--media` the files, too), into a new folder."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from config.kernel import backups, clock, pgtools, wire


class Command(BaseCommand):
    help = "Back up the database and the media manifest into a new or empty folder. Safe while everything runs."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--media", action="store_true", help="copy the media files, too; without it only their SHA-256 are kept")

    def handle(self, *args, folder: Path, media: bool, **options):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder} is not empty. A backup gets a folder of its own.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        try:
            record = self._database(folder)
        except backups.BackupError as error:
            raise CommandError(str(error)) from error
        files, total = backups.keep_media(Path(settings.MEDIA_ROOT), folder, copied=media)
        record["media"] = {"files": files, "bytes": total, "copied": media}
        (folder / backups.RECORD).write_bytes(wire.dumps(record))
        rows = sum(record["tables"].values())
        kept = "copied" if media else "listed; their content is not in this backup (--media copies it)"
        self.stdout.write(f"{rows} rows of {len(record['tables'])} tables saved; {files} media files ({total} bytes) {kept}.")

    @staticmethod
    def _database(folder: Path) -> dict:
        """Dump and count one and the same instant."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute("SELECT pg_export_snapshot()")
                snapshot = cursor.fetchone()[0]
            pgtools.dump(folder / backups.DUMP, snapshot)
            record = {"tables": backups.table_rows(), "migrations": backups.applied_migrations()}
        dumped = folder / backups.DUMP
        return {
            "format": backups.FORMAT,
            "createdAt": clock.wire(clock.now()),
            "version": settings.VERSION,
            "installationId": settings.INSTANCE_ID,
            "keyCheck": backups.key_check(),
            "database": {"sizeBytes": dumped.stat().st_size, "sha256": backups.sha256_of(dumped)},
            **record,
        }
