"""`manage.py restore FOLDER`: put a backup in the place of the database, and say which media it needs and are not there."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.kernel import backups, pgtools

_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_HOLD = "Hold the programs that use it (bin/up hold web, then live, worker and beat) and release them afterwards."
MEDIA_DIFFER = 3


class Command(BaseCommand):
    help = "Restore a backup, all or nothing. The programs that use the database must be held."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--replace", action="store_true", help="the database is not empty: replace everything in it")
        parser.add_argument("--media", action="store_true", help="copy back the media files that are missing or differ")

    def handle(self, *args, folder: Path, replace: bool, media: bool, **options):
        try:
            record = backups.read_record(folder)
            if media and not record["media"]["copied"]:
                raise CommandError("This backup holds no media files: it was made without --media.")
            self._refuse_unless_free(replace)
            connection.close()
            pgtools.restore(folder / backups.DUMP)
            self._check_database(record)
            put = backups.put_back_media(folder, Path(settings.MEDIA_ROOT)) if media else 0
            differences = backups.compare(backups.manifest(folder), Path(settings.MEDIA_ROOT))
        except backups.BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{sum(record['tables'].values())} rows of {len(record['tables'])} tables restored, as of {record['createdAt']}.")
        self._advise(record)
        if media:
            self.stdout.write(f"{put} media files put back, {record['media']['files'] - put} were there.")
        if differences:
            self._tell(differences)

    @staticmethod
    def _refuse_unless_free(replace: bool) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_OTHERS)
            others = cursor.fetchone()[0]
        if others:
            raise CommandError(f"{others} other connections use the database. {_HOLD}")
        if not replace and connection.introspection.table_names():
            raise CommandError("The database is not empty. --replace puts the backup in the place of everything in it.")

    @staticmethod
    def _check_database(record: dict) -> None:
        found = backups.table_rows()
        if found != record["tables"]:
            wrong = sorted(name for name in {*found, *record["tables"]} if found.get(name) != record["tables"].get(name))
            raise backups.BackupError(f"The restored database has other rows than the backup says, in: {', '.join(wrong)}.")

    def _advise(self, record: dict) -> None:
        if record["installationId"] != settings.INSTANCE_ID:
            self.stderr.write(
                f"The backup is of installation {record['installationId']}, this is {settings.INSTANCE_ID}: media and audit belong to the former. "
                f"Set TALLYROOM_INSTANCE_ID={record['installationId']}."
            )
        if record["keyCheck"] != backups.key_check():
            self.stderr.write("SECRET_KEY is not the one of the backup: sign-ins end, and stored passwords of audio sources can't be read.")
        self.stdout.write("Next: manage.py migrate, then manage.py audit_verify, then release the programs.")

    def _tell(self, differences: backups.Differences) -> None:
        for path in (*differences.missing[:20], *differences.changed[:20]):
            self.stderr.write(f"  {'missing' if path in differences.missing else 'changed'}  {path}")
        raise CommandError(
            f"The database is restored. Of its media files {len(differences.missing)} are missing and {len(differences.changed)} differ.",
            returncode=MEDIA_DIFFER,
        )
