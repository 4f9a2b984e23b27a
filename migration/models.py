from datetime import timedelta

from django.db import models
from django.utils import timezone

LEASE = timedelta(seconds=60)


class Claim(models.Model):
    """Who does a piece of work that only one may do at a time. In the shelter, for the work on it."""

    work = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=100)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.work}: {self.holder} until {self.until}"


def claim(work: str, holder: str) -> bool:
    """Take the work, or keep it for another LEASE; False while somebody else has it."""
    now = timezone.now()
    Claim.objects.using("local").get_or_create(work=work, defaults={"holder": "", "until": now})
    free = models.Q(until__lte=now) | models.Q(holder=holder)
    return bool(Claim.objects.using("local").filter(free, work=work).update(holder=holder, until=now + LEASE))


def release(work: str, holder: str) -> None:
    Claim.objects.using("local").filter(work=work, holder=holder).update(until=timezone.now())
