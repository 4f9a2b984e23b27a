from django.db import models


class AccessRecord(models.Model):
    """Record that a member of staff read, heard, deleted or restored something of a learner. Rows are never changed.

    A row holds copies and no foreign keys, because it outlives the account and the conversation.
    """

    class Action(models.TextChoices):
        FOUND = "found", "found by words"
        READ = "read", "read"
        HEARD = "heard", "heard"
        LINK = "link", "got a link"
        DELETED = "deleted", "deleted"
        RESTORED = "restored", "restored"

    at = models.DateTimeField("time (UTC)", db_index=True)
    username = models.CharField("who", max_length=150, db_index=True)
    user_id = models.CharField(max_length=64, help_text="the account's primary key")
    learner = models.UUIDField("whose", db_index=True)
    action = models.CharField(max_length=10, choices=Action.choices)
    kind = models.CharField(max_length=20, help_text="conversation or recording")
    key = models.UUIDField(db_index=True, help_text="the primary key of the conversation or the recording")
    name = models.CharField(max_length=255, help_text="the conversation's id, or the recording's key in storage")

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.username}, {self.get_action_display()}, {self.kind} {self.name}"
