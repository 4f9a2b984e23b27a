from functools import cache
from typing import Any

from django.db import models

from learners.personal_data import DataSubject

# The values of columns by name. A field may have any type.
Columns = dict[str, Any]


class Kept(models.Model):
    """Define the fields that all rows of a learner share.

    The key is derived from `wire_id`, the id that the client chose. So a save is an upsert, and no learner can reach
    another's row by choosing an id. A deletion leaves a dated tombstone.
    """

    id = models.UUIDField(primary_key=True, db_column="_id", editable=False)
    learner = models.UUIDField(editable=False)
    wire_id = models.CharField("id", max_length=200)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    erased = models.BooleanField(default=False, help_text="deleted for good: nothing that was said is left in the row")
    # See `changes`. Null: an older version wrote the row, and `updated_at` holds for all its columns.
    stamps = models.JSONField(null=True, editable=False, help_text="when each column was set, in milliseconds")

    # Columns with text that an erasure leaves: an id, a role and names of columns say nothing of what was said.
    LEFT_BY_ERASURE = frozenset({"wire_id", "role", "stamps"})
    # Columns that no change sets by itself.
    DERIVED = frozenset(
        {"id", "learner", "wire_id", "conversation", "created_at", "updated_at", "erased", "stamps", "version"}
    )

    class Meta:
        abstract = True

    @classmethod
    def erasure(cls) -> Columns:
        """Return what an erasure writes: every column that can hold the learner's words becomes empty."""
        with_words = (models.CharField, models.TextField, models.JSONField)
        columns = [field for field in cls._meta.concrete_fields if isinstance(field, with_words)]
        emptied = {field.name: field.get_default() for field in columns if field.name not in cls.LEFT_BY_ERASURE}
        return emptied | {"erased": True}

    @classmethod
    def settable(cls) -> tuple[str, ...]:
        """Return the names of the columns that a change may set."""
        return _settable(cls)


@cache
def _settable(model: type[Kept]) -> tuple[str, ...]:
    return tuple(field.name for field in model._meta.concrete_fields if field.name not in Kept.DERIVED)


class Conversation(Kept):
    title = models.CharField(max_length=200, blank=True, help_text="what the learner calls it; empty: its topic")
    topic = models.CharField(max_length=500, blank=True)
    config = models.JSONField(default=dict, blank=True)
    goals = models.JSONField(default=list, blank=True, help_text="[{text, done}]")
    analysis = models.JSONField(null=True, blank=True)
    timestamp = models.DateTimeField(help_text="what lists are sorted by")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True, help_text="minutes")
    time_remaining = models.FloatField(null=True, blank=True, help_text="seconds")
    call_ended = models.BooleanField(default=False)
    # Counts writes, so that a writer notices another one (optimistic locking).
    version = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["-timestamp", "-id"]
        indexes = [
            models.Index(fields=["learner", "-timestamp", "-id"], name="conversation_newest"),
            models.Index(fields=["erased", "deleted_at"], name="conversation_to_erase"),
        ]

    def __str__(self) -> str:
        return self.title or self.topic or self.wire_id

    @classmethod
    def empty(cls) -> Columns:
        """Return the columns of a conversation that has just begun, but for its moments."""
        fields = [field for field in cls._meta.concrete_fields if field.name in cls.settable()]
        return {field.name: field.get_default() for field in fields if field.name != "timestamp"}


class Message(Kept):
    class Role(models.TextChoices):
        USER = "user", "learner"
        ASSISTANT = "assistant", "agent"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=Role.choices)
    content = models.TextField(blank=True)
    timestamp = models.DateTimeField()
    position = models.PositiveIntegerField(default=0, help_text="among messages of the same timestamp")
    audio_key = models.CharField(max_length=255, blank=True, help_text="the key of its Recording")
    corrections = models.JSONField(default=list, blank=True, help_text="[{said, better, why, category, start, end}]")
    interrupted = models.BooleanField(default=False, help_text="the learner broke in: `content` is what was heard")
    # A learner's turn that was corrected beside its answer holds the engine, usage and cost of the correction.
    measured = models.JSONField(
        default=dict,
        blank=True,
        help_text="of an answer: {engine, heard_ms, thought_ms, first_audio_ms, saved_ms, usage: [...], cost: dollars or null}",
    )

    class Meta:
        ordering = ["timestamp", "position", "id"]
        indexes = [
            models.Index(fields=["conversation", "timestamp"], name="message_in_order"),
            models.Index(fields=["erased", "deleted_at"], name="message_to_erase"),
        ]

    def __str__(self) -> str:
        return self.content[:80]

    @classmethod
    def erase_subject(cls, subject: DataSubject, using: str) -> None:
        """Delete all messages of a learner. By conversation, because an index has that column."""
        rows = cls.objects.using(using)
        for keys in subject.batches():
            rows.filter(conversation__in=keys)._raw_delete(using)
        rows.filter(learner=subject.learner)._raw_delete(using)


class LastClear(models.Model):
    """Record when a learner last cleared all conversations.

    A conversation that began before it may still wait in another server's outbox.
    """

    learner = models.UUIDField(primary_key=True, db_column="_id")
    moment = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.learner} at {self.moment}"


class Erasure(models.Model):
    """Record that a learner has erased everything. It stays, so that no other server and no backup brings anything back.

    Every database with conversations has these rows. The row in the local database is the work of this server.
    """

    learner = models.UUIDField(primary_key=True, db_column="_id")
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True, help_text="when this server had erased everything")
    # Their rows are erased first, and files are found by these keys.
    conversations = models.JSONField(default=list, blank=True, help_text="keys, until it is finished")

    def __str__(self) -> str:
        return f"{self.learner} at {self.requested_at}"


class LearnerPreferences(models.Model):
    """Hold what a learner has chosen: about privacy, and a goal. See `preferences`. No row: nothing was chosen."""

    # Columns that the learner sets.
    CHOSEN = ("audio_refused_at", "retention_days", "erase_audio_before", "goal")

    learner = models.UUIDField(primary_key=True, db_column="_id")
    audio_refused_at = models.DateTimeField(null=True, help_text="since then no recording of the learner is kept")
    retention_days = models.PositiveIntegerField(
        null=True, help_text="days that talks are kept; null: as the site keeps them"
    )
    erase_audio_before = models.DateTimeField(null=True, help_text="recordings from before then are still to be erased")
    goal = models.CharField(max_length=20, blank=True, help_text="what the learner practises for; empty: not chosen")
    stamps = models.JSONField(default=dict, help_text="when each column was set, in milliseconds")
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.learner)

    @property
    def keeps_audio(self) -> bool:
        return self.audio_refused_at is None


class PendingChange(models.Model):
    """Hold one change that waits in the outbox, in the local database only. Its key is its sequence number."""

    learner = models.UUIDField()
    # Null: all conversations of the learner are cleared.
    conversation = models.UUIDField(null=True)
    moment = models.DateTimeField()
    change = models.JSONField(help_text="see `outbox`")
    # Of this change, or of a later one that concerns it.
    deletes_at = models.DateTimeField(
        null=True, help_text="words that it holds were deleted then, and are to be erased"
    )

    class Meta:
        indexes = [
            models.Index(fields=["conversation", "id"], name="pending_of_conversation"),
            models.Index(fields=["learner", "conversation", "id"], name="pending_of_learner"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation or self.learner} at {self.moment}"
