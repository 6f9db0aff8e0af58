"""manage.py audit_grants ROLE: what the role of web and workers may do with the trail, as SQL for the owner of the tables."""

from django.core.management.base import BaseCommand
from django.db import connection

TABLES = ("audit_event", "audit_chain", "audit_checkpoint")


class Command(BaseCommand):
    help = "Prints the statements that let ROLE append to the audit and read it, and nothing else. Run them as the owner of the tables."

    def add_arguments(self, parser):
        parser.add_argument("role", help="the database role of web and workers; it must not own the tables")

    def handle(self, *args, role: str, **options):
        quoted = connection.ops.quote_name(role.replace('"', '""'))
        trail, queue = ", ".join(TABLES), "audit_pending"
        self.stdout.write(
            "\n".join(
                [
                    f"REVOKE ALL ON {trail}, {queue} FROM PUBLIC, {quoted};",
                    f"GRANT SELECT, INSERT ON {trail} TO {quoted};",
                    f"GRANT SELECT, INSERT, DELETE ON {queue} TO {quoted};",
                    f"GRANT SELECT, INSERT, UPDATE ON audit_archive, audit_hold TO {quoted};",
                    "REVOKE ALL ON FUNCTION audit_ensure_month(timestamptz) FROM PUBLIC;",
                    f"GRANT EXECUTE ON FUNCTION audit_ensure_month(timestamptz) TO {quoted};",
                ]
            )
        )
