from django.apps import AppConfig


class LearnersConfig(AppConfig):
    name = "learners"
    verbose_name = "Accounts of learners"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from learners import personal_data
        from learners.models import Account, ApiToken

        exported = personal_data.columns(ApiToken, "name", "created_at", "used_at", "expires_at")
        personal_data.register(ApiToken, export=exported)
        exported = personal_data.columns(Account, "user__username", "user__email", "created_at")
        personal_data.register(Account, erase=Account.erase_subject, export=exported)
