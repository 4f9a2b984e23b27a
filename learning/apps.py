from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "learning"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from learners import personal_data
        from learning import occurrences, projection
        from learning.models import Card, LearnerProjection, Occurrence, ProjectedConversation

        projection.register(Occurrence, occurrences.find, version=occurrences.VERSION)
        # Exports have the conversations that these are derived from.
        for model in (Occurrence, Card, ProjectedConversation, LearnerProjection):
            personal_data.register(model)
