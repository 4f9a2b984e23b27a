from django.db import models


class Recording(models.Model):
    """Describe one recording of one turn, and say where its bytes are.

    It names its rows by plain UUIDs, because it must not depend on the database that holds them.
    """

    class Place(models.TextChoices):
        LOCAL = "local", "local storage"
        CLOUD = "cloud", "bucket"

    # The key is uuid5(message, SHA-256 of the bytes).
    id = models.UUIDField(primary_key=True, db_column="_id", editable=False)
    learner = models.UUIDField(db_index=True)
    conversation = models.UUIDField(db_index=True)
    message = models.UUIDField(db_index=True)
    key = models.CharField(max_length=255, unique=True)
    place = models.CharField(max_length=10, choices=Place.choices, default=Place.LOCAL)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(help_text="bytes")
    duration = models.FloatField(help_text="seconds")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.key
