from django.db import models


class Spending(models.Model):
    """Hold the estimated cost of all providers for one day (UTC), in dollars."""

    day = models.DateField(primary_key=True)
    dollars = models.FloatField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: ${self.dollars:.2f}"
