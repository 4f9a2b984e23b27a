"""Hold what is derived from conversations. None of these tables has words, and all of them can be rebuilt at any time.

Their rows are in the database of conversations. `projection` writes them.
"""

from django.db import models


class LearnerProjection(models.Model):
    """Count the writes to a learner's derived rows, so that a writer notices another one."""

    learner = models.UUIDField(primary_key=True, db_column="_id")
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.learner)


class ProjectedConversation(models.Model):
    """Record which version of a conversation the derived rows are from, and by which rules."""

    conversation = models.UUIDField(primary_key=True, db_column="_id")
    learner = models.UUIDField(db_index=True)
    version = models.PositiveIntegerField()
    rules = models.CharField(max_length=100)
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.conversation)


class Occurrence(models.Model):
    """Hold that a message contains a mistake, an attempt to correct it, or its correct form."""

    class Kind(models.TextChoices):
        MISTAKE = "mistake", "mistake"
        ATTEMPT = "attempt", "attempt in a review"
        UPTAKE = "uptake", "used correctly in a talk"
        SENTENCE = "sentence", "sentence of the learner's own"

    id = models.UUIDField(primary_key=True, db_column="_id")
    learner = models.UUIDField()
    conversation = models.UUIDField(db_index=True)
    message = models.UUIDField()
    card = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    moment = models.DateTimeField()
    # Of a mistake: its place in the message's `corrections`.
    number = models.PositiveIntegerField(default=0)
    category = models.CharField(max_length=40, blank=True)
    # Of an attempt: right, wrong, unsure or shown, and the id of the prompt that it answers.
    outcome = models.CharField(max_length=10, blank=True)
    prompt = models.CharField(max_length=40, blank=True)
    reported_at = models.DateTimeField(null=True, help_text="the learner said that this was no mistake")

    class Meta:
        indexes = [
            models.Index(fields=["learner", "card", "moment"], name="occurrence_of_card"),
            models.Index(fields=["reported_at"], name="occurrence_reported"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.moment}"


class ReportedCorrection(Occurrence):
    """Name the occurrences that the admin lists: mistakes whose correction the learner called wrong."""

    class Meta:
        proxy = True
        verbose_name = "reported correction"


class Card(models.Model):
    """Hold a kind of mistake of a learner, and when it is due. See `cards`."""

    id = models.UUIDField(primary_key=True, db_column="_id")
    learner = models.UUIDField()
    category = models.CharField(max_length=40, blank=True)
    # The latest mistake, whose message has the words.
    message = models.UUIDField()
    number = models.PositiveIntegerField(default=0)
    # The state of FSRS. Null: not reviewed yet.
    stability = models.FloatField(null=True)
    difficulty = models.FloatField(null=True)
    reviewed_at = models.DateTimeField(null=True)
    due = models.DateTimeField()
    mistakes = models.PositiveIntegerField()
    reviews = models.PositiveIntegerField(default=0)
    uptakes = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="of the latest mistake")
    gone_at = models.DateTimeField(null=True, help_text="since then it counts as gone")
    returned_at = models.DateTimeField(null=True, help_text="when it was last made after it had been gone")
    reported_at = models.DateTimeField(null=True, help_text="the learner said that this was no mistake")

    class Meta:
        indexes = [
            models.Index(fields=["learner", "due"], name="card_due"),
            models.Index(fields=["learner", "-last_at", "-id"], name="card_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.category or 'mistake'}, due {self.due}"


class TalkFigures(models.Model):
    """Hold what was counted in one conversation in which the learner said something. See `figures`."""

    conversation = models.UUIDField(primary_key=True, db_column="_id")
    learner = models.UUIDField()
    began_at = models.DateTimeField(help_text="when the learner first said something")
    last_at = models.DateTimeField(help_text="when the learner last said something")
    scenario = models.CharField(max_length=100, blank=True)
    is_talk = models.BooleanField(help_text="false: a review")
    minutes = models.FloatField()
    turns = models.PositiveIntegerField(help_text="of the learner")
    words = models.PositiveIntegerField(help_text="of the learner, without those in doubt")
    corrections = models.PositiveIntegerField()
    quarters = models.JSONField(help_text="quarters of an hour since 1970 in which the learner said something")
    # Of spoken turns without a doubt, whose sound was measured.
    spoken_words = models.PositiveIntegerField()
    syllables = models.PositiveIntegerField()
    speech_s = models.FloatField(help_text="seconds of voice, without pauses")
    runs = models.PositiveIntegerField(help_text="pieces of speech between pauses")
    pauses = models.PositiveIntegerField()
    pause_s = models.FloatField(help_text="seconds of pauses within turns")
    # Level → number of different words.
    used = models.JSONField(help_text="different words of the learner by level")
    met = models.JSONField(help_text="different words of the agent by level")

    class Meta:
        indexes = [models.Index(fields=["learner", "began_at"], name="figures_in_order")]

    def __str__(self) -> str:
        return f"{self.conversation} from {self.began_at}"


class PairAttempt(models.Model):
    """Hold one attempt at a minimal pair, such as ship and sheep. See `pair_occurrences`."""

    class Way(models.TextChoices):
        HEARING = "hearing", "the agent spoke, the learner chose the word"
        SAYING = "saying", "the learner spoke, the agent chose the word"

    message = models.UUIDField(primary_key=True, db_column="_id")
    learner = models.UUIDField()
    conversation = models.UUIDField(db_index=True)
    contrast = models.CharField(max_length=40)
    way = models.CharField(max_length=10, choices=Way.choices)
    moment = models.DateTimeField()
    as_meant = models.BooleanField(help_text="the word that was chosen is the one that was meant")

    class Meta:
        indexes = [models.Index(fields=["learner", "-moment"], name="pair_attempts_newest")]

    def __str__(self) -> str:
        return f"{self.way} {self.contrast} at {self.moment}"
