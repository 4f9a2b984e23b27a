import uuid

from django.db import models
from django.utils import timezone


class Export(models.Model):
    """Describe a learner's export: one file in DATA_DIR, and how far it is. It is in the local database."""

    class Kind(models.TextChoices):
        EVERYTHING = "everything"
        ANKI = "anki", "Anki deck"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.EVERYTHING)
    conversation = models.CharField(max_length=200, blank=True, help_text="its id; empty: all conversations")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes")
    unheard = models.PositiveIntegerField(default=0, help_text="recordings whose sound is lost")
    error = models.TextField(blank=True, help_text="what is missing, for the learner")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["learner", "kind"], name="one_export_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.learner} at {self.requested_at:%Y-%m-%d %H:%M}"


class ShareLink(models.Model):
    """Let everybody who has the link read one conversation, until it expires. Only the SHA-256 of its token is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner = models.UUIDField(db_index=True)
    conversation = models.UUIDField(help_text="its key")
    wire_id = models.CharField(max_length=200, help_text="its id")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    words_only = models.BooleanField(default=False, help_text="without recordings")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.wire_id} until {self.expires_at:%Y-%m-%d}"
