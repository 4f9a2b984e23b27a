import os

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

PASSWORD = "DJANGO_SUPERUSER_PASSWORD"


class Command(createsuperuser.Command):
    """Extend Django's command to validate a password from the environment, too. Django validates only a typed one."""

    def handle(self, *args: object, **options: object) -> str | None:
        if not options["interactive"] and (password := os.environ.get(PASSWORD)):
            name = str(options["username"] or os.environ.get("DJANGO_SUPERUSER_USERNAME", ""))
            try:
                validate_password(password, get_user_model()(username=name))
            except ValidationError as error:
                raise CommandError(f"{PASSWORD}: {' '.join(error.messages)}") from None
        return super().handle(*args, **options)
