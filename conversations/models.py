from typing import Any

from django.db import models

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
    # Only in the local database: the columns saved while the cloud's database was down. The rest of the row is there.
    partial = models.JSONField(null=True, editable=False, help_text="the columns this copy knows; null: all")

    # Columns with text that an erasure leaves: an id, a role and names of columns say nothing of what was said.
    LEFT_BY_ERASURE = frozenset({"wire_id", "role", "partial"})

    class Meta:
        abstract = True

    @classmethod
    def erasure(cls) -> Columns:
        """Return what an erasure writes: every column that can hold the learner's words becomes empty."""
        with_words = (models.CharField, models.TextField, models.JSONField)
        columns = [field for field in cls._meta.concrete_fields if isinstance(field, with_words)]
        emptied = {field.name: field.get_default() for field in columns if field.name not in cls.LEFT_BY_ERASURE}
        return emptied | {"erased": True}


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
    # Only in the local database: older messages that were not sent again have been replaced.
    replaced_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-timestamp", "-id"]
        indexes = [
            models.Index(fields=["learner", "-timestamp", "-id"], name="conversation_newest"),
            models.Index(fields=["erased", "deleted_at"], name="conversation_to_erase"),
        ]

    def __str__(self) -> str:
        return self.title or self.topic or self.wire_id


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


class Clearing(models.Model):
    """Record, in the local database only, that a learner cleared all conversations while the cloud's database was down.

    Conversations older than `at` are deleted.
    """

    learner = models.UUIDField(primary_key=True, db_column="_id")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.learner} until {self.at}"
