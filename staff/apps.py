from django.apps import AppConfig
from django.db.models.signals import post_migrate


class StaffConfig(AppConfig):
    name = "staff"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from learners import personal_data
        from staff import groups
        from staff.models import AccessRecord

        exported = personal_data.columns(AccessRecord, "at", "username", "action", "kind", "key", "name")
        personal_data.register(AccessRecord, export=exported)
        post_migrate.connect(groups.create, sender=self)
