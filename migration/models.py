import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone

# A process that dies keeps its claim no longer than this. Work that is done twice does no harm.
LEASE = timedelta(seconds=10)


class Claim(models.Model):
    """Record which process does a piece of work that only one may do at a time.

    Work on the local database is claimed there, all other work in `default`.
    """

    work = models.CharField(max_length=200, primary_key=True)
    holder = models.CharField(max_length=100)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.work}: {self.holder} until {self.until}"


class Run(models.Model):
    """Record one migration, from its start to its report."""

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=100)
    destination = models.CharField(max_length=100)
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    holder = models.CharField(max_length=100, help_text="the process that does it")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, help_text="when it was last heard of")
    finished_at = models.DateTimeField(null=True, blank=True)
    stop_requested = models.BooleanField(default=False)
    plan = models.JSONField(default=dict, help_text="{conversations, recordings, bytes}")
    counts = models.JSONField(default=dict)
    failed = models.JSONField(default=dict, help_text="what could not be moved, and why; the first thousand")
    error = models.TextField(blank=True, help_text="what ended it before its end")

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.source} to {self.destination}, {self.started_at:%Y-%m-%d %H:%M}"


def claim(work: str, holder: str, *, using: str = "local") -> bool:
    """Take the work, or keep it for another LEASE. Returns False while another process has it."""
    now = timezone.now()
    Claim.objects.using(using).get_or_create(work=work, defaults={"holder": "", "until": now})
    free = models.Q(until__lte=now) | models.Q(holder=holder)
    return bool(Claim.objects.using(using).filter(free, work=work).update(holder=holder, until=now + LEASE))


def release(work: str, holder: str, *, using: str = "local") -> None:
    Claim.objects.using(using).filter(work=work, holder=holder).update(until=timezone.now())
