from django.apps import AppConfig


class LearnersConfig(AppConfig):
    name = "learners"
    verbose_name = "Accounts of learners"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from allauth.account.models import EmailAddress
        from allauth.socialaccount.models import SocialAccount

        from learners import account_erasure, personal_data
        from learners.models import Account, ApiToken, Device

        exported = personal_data.columns(ApiToken, "name", "created_at", "used_at", "expires_at")
        personal_data.register(ApiToken, export=exported)
        exported = personal_data.columns(Account, "user__username", "user__email", "created_at")
        personal_data.register(Account, erase=account_erasure.erase_subject, export=exported)
        of_user = "user__account__learner"
        of_account = {
            Device: personal_data.columns(Device, "user_agent", "created_at", "last_seen_at", owner="account__learner"),
            EmailAddress: personal_data.columns(EmailAddress, "email", "verified", "primary", owner=of_user),
            SocialAccount: personal_data.columns(
                SocialAccount, "provider", "uid", "extra_data", "date_joined", owner=of_user
            ),
        }
        for model, export in of_account.items():
            personal_data.register(model, erase=account_erasure.erase_with_account, export=export)
