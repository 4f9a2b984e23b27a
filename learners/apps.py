from django.apps import AppConfig


class LearnersConfig(AppConfig):
    name = "learners"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from learners import personal_data
        from learners.models import ApiToken

        exported = personal_data.columns(ApiToken, "name", "created_at", "used_at", "expires_at")
        personal_data.register(ApiToken, export=exported)
