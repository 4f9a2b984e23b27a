from django.apps import AppConfig
from django.db.models.signals import post_migrate


class StaffConfig(AppConfig):
    name = "staff"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from staff import groups

        post_migrate.connect(groups.create, sender=self)
