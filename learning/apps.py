from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "learning"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from learners import personal_data
        from learning import figures, occurrences, pair_occurrences, projection
        from learning.models import (
            Card,
            LearnerProjection,
            Occurrence,
            PairAttempt,
            ProjectedConversation,
            TalkFigures,
        )

        projection.register(Occurrence, occurrences.find, version=occurrences.VERSION)
        projection.register(TalkFigures, figures.of_conversation, version=figures.VERSION)
        projection.register(PairAttempt, pair_occurrences.find, version=pair_occurrences.VERSION)
        # Exports have the conversations that these are derived from.
        for model in (Occurrence, Card, TalkFigures, PairAttempt, ProjectedConversation, LearnerProjection):
            personal_data.register(model)
