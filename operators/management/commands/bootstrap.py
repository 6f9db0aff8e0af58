"""`manage.py bootstrap`: what a new installation needs, made once; started again it changes nothing."""

import json

from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import connection, transaction

from config import env
from config.kernel import bootstrap
from operators.access.selectors import enabled_owners
from operators.access.services import create_owner
from operators.identity.models import User
from operators.identity.names import normal_email
from operators.identity.services import demand_good_password, generated_password

DEFAULT_EMAIL = "owner@tallyroom.local"


class Command(BaseCommand):
    """Prints one line of JSON: `{"owner": {"email", "password"|null, "created"}, <step>: …}`.

    The password is there only in the run that generated it; one from TALLYROOM_OWNER_PASSWORD is never printed.
    """

    help = "Create the first owner and, unless --bare, the site and node of this machine. Idempotent."

    def add_arguments(self, parser):
        parser.add_argument("--bare", action="store_true", help="no local node, no demo data")
        parser.add_argument("--json", action="store_true", help="print JSON (always so; the flag says it for readers)")

    def handle(self, *args, bare: bool, **options):
        result = {"owner": first_owner()}
        for step in bootstrap.steps(bare=bare):
            result[step.name] = step.run()
        self.stdout.write(json.dumps(result))


@transaction.atomic
def first_owner() -> dict:
    """The owner that is there, else a new one. Two starts at once make one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('bootstrap', 0))")
    owner = enabled_owners().order_by("created_at").first()
    if owner is not None:
        return {"email": owner.label, "password": None, "created": False}
    email = normal_email(env.text("TALLYROOM_OWNER_EMAIL") or DEFAULT_EMAIL)
    given = env.text("TALLYROOM_OWNER_PASSWORD")
    _check(email, given)
    known = User.objects.filter(username=email).exists()
    password = given or generated_password()
    owner = create_owner(email=email, name=email.partition("@")[0].replace(".", " ").title(), password=password)
    return {"email": owner.email, "password": None if given or known else password, "created": not known}


def _check(email: str, password: str) -> None:
    from config.kernel.errors import ApiError

    validate_email(email)
    if password:
        try:
            demand_good_password(User(username=email, email=email, name=email), password)
        except ApiError as error:
            raise CommandError("TALLYROOM_OWNER_PASSWORD: " + " ".join(row["message"] for row in error.data["errors"])) from error
