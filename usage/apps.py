from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from learners import personal_data
        from usage.models import DailyUse

        personal_data.register(DailyUse, erase=DailyUse.erase_subject, export=DailyUse.exported)
