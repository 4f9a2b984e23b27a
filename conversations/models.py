from django.db import models


class Kept(models.Model):
    """What the rows of a learner share. The key is derived from `wire_id`, the id that the client chose, so that a save is
    an upsert and no learner can reach another's row by choosing an id. A deletion leaves a dated tombstone."""

    id = models.UUIDField(primary_key=True, db_column="_id", editable=False)
    learner = models.UUIDField(editable=False)
    wire_id = models.CharField("id", max_length=200)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    erased = models.BooleanField(default=False, help_text="deleted for good: nothing that was said is left in the row")
    # In the shelter only: what was saved while the database, and with it the rest of the row, was out of reach.
    partial = models.JSONField(null=True, editable=False, help_text="the columns this copy knows; null: all")

    class Meta:
        abstract = True


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
    # In the shelter only, too: messages that are older and were not sent again have been replaced.
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
    measured = models.JSONField(  # of a turn that was corrected beside its answer: engine, usage and cost of that
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
    """In the shelter only: the learner cleared all conversations while the database was out of reach. What is older goes."""

    learner = models.UUIDField(primary_key=True, db_column="_id")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.learner} until {self.at}"
