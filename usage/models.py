import uuid
from typing import Any

from django.db import models
from django.db.models import QuerySet

from core.json_types import Json
from core.site_limits import LIMITS
from learners.personal_data import DataSubject
from learners.visitors import Visitor


class Spending(models.Model):
    """Hold the estimated cost of all providers for one day (UTC), in dollars."""

    day = models.DateField(primary_key=True)
    dollars = models.FloatField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: ${self.dollars:.2f}"


class DailyUse(models.Model):
    """Hold what one visitor, or all visitors of one address, have used on one day (UTC). Rows are deleted after a day.

    `who` is a key of `learners.visitors.Visitor`, `seconds` are of the learner's speech.
    """

    day = models.DateField()
    who = models.CharField(max_length=100)
    dollars = models.FloatField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("day", "who"), name="one_daily_use")]

    def __str__(self) -> str:
        return f"{self.day}, {self.who}: ${self.dollars:.2f}, {self.seconds / 60:.0f} minutes"

    @classmethod
    def of_learner(cls, learner: uuid.UUID, using: str) -> QuerySet["DailyUse"]:
        return cls.objects.using(using).filter(who=Visitor(learner, "").own)

    @classmethod
    def erase_subject(cls, subject: DataSubject, using: str) -> None:
        cls.of_learner(subject.learner, using).delete()

    @classmethod
    def exported(cls, learner: uuid.UUID) -> list[Json]:
        rows = cls.of_learner(learner, "default").values("day", "dollars", "seconds")
        return [{**row, "day": row["day"].isoformat()} for row in rows]


class SiteLimits(models.Model):
    """Hold the limits that operators have changed, in one row. A field without a value leaves it to the environment.

    The fields are those of `core.site_limits.LIMITS`, in lower case. The form of the admin describes and checks them.
    """

    ONLY = 1

    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    talks_per_learner = models.PositiveIntegerField(null=True, blank=True)
    local_talks = models.PositiveIntegerField(null=True, blank=True)
    provider_talks = models.PositiveIntegerField(null=True, blank=True)
    speech_minutes_per_day = models.PositiveIntegerField(null=True, blank=True)
    learner_quota_mb = models.PositiveIntegerField(null=True, blank=True)
    sent_mb_per_day = models.PositiveIntegerField(null=True, blank=True)
    learner_spending_limit = models.FloatField(null=True, blank=True)
    daily_spending_limit = models.FloatField(null=True, blank=True)
    learners_per_address = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "limits"

    def __str__(self) -> str:
        return "Limits"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = self.ONLY
        super().save(*args, **kwargs)

    def values(self) -> dict[str, float]:
        """Return the limits that have a value, by the name of their setting."""
        found = {each.name: getattr(self, each.name.lower()) for each in LIMITS}
        return {name: value for name, value in found.items() if value is not None}
