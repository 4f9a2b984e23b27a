from django.core.management import call_command
from django.core.management.base import BaseCommand

from talking_agent import prepare


class Command(BaseCommand):
    help = "Migrates every database that can be reached, and collects the static files if they have changed."

    def handle(self, *args: object, **options: object) -> None:
        call_command("migrate", skip_unreachable=True, verbosity=0, interactive=False)
        for done in prepare.prepare():
            self.stdout.write(f"Prepared: {done}.")
