"""`manage.py relayer resume`: go on after a nonce conflict that somebody looked into."""

from django.core.management.base import BaseCommand, CommandError

from sessions.settlement import provider


class Command(BaseCommand):
    help = "The relayer of settlement on a chain. `resume` accepts the nonces that others used and sends again what lost its own."

    def add_arguments(self, parser):
        parser.add_argument("action", choices=["resume"])

    def handle(self, *args, action, **options):
        if not provider.current().on_chain:
            raise CommandError("Settlement is not on a chain here (SETTLEMENT_PROVIDER).")
        from sessions.settlement.evm import relayer

        self.stdout.write(f"{relayer.resume()} calls go out again.")
