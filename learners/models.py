import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from learners.signed_in import name_of


class Account(models.Model):
    """Tie a user to the learner whose conversations it has."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    learner = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return name_of(self.user)


class Device(models.Model):
    """Record a browser that is signed in to an account. Deleting the row signs it out."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="devices")
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now, help_text="to the hour")
    # Its conversations wait for a decision. The browser is this learner again when it signs out.
    previous_learner = models.UUIDField(null=True, editable=False)

    class Meta:
        ordering = ["-last_seen_at"]

    def __str__(self) -> str:
        return f"{self.account}: {self.user_agent}"


class Invitation(models.Model):
    """Let one person sign up while SIGNUP=invite. The link has the token, of which only the digest is kept."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(max_length=200, blank=True, help_text="for whom it is")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.note or f"{self.created_at:%Y-%m-%d %H:%M}"


class LearnerMerge(models.Model):
    """Record one merge of a learner's conversations into an account, or their deletion, from the decision to the end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="merges")
    source = models.UUIDField()
    deletes = models.BooleanField(default=False, help_text="the conversations are deleted instead of merged")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    # Why it does not get on. It is tried again.
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.source}: {self.done} of {self.total}"


class ApiToken(models.Model):
    """Let a program act for a learner. Only the SHA-256 of its secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner = models.UUIDField(db_index=True)
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True, help_text="updated at most once a minute")
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
