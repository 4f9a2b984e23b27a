"""Provide a learner's data that others try to reach, and tell what an answer has shown or changed of it."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Model

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation, LastClear, Message
from migration.models import Run
from staff import audit
from staff.models import AccessRecord

ID, MESSAGE_ID = "conv-1714521600000-abcdefg", "user-1714521600000"
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
CLIP = Clip(b"\x1a\x45\xdf\xa3 the voice from Zanzibar", "audio/webm", 1.5)
# Of learners, in the local database. They are read and restored in this order.
KEPT: tuple[type[Model], ...] = (Conversation, Message, Recording, LastClear)
# The rows of each model.
Snapshot = dict[type[Model], list[dict[str, Any]]]


class World:
    """Hold the owner's conversation with a recording, and one object for each page of the admin."""

    def __init__(self) -> None:
        self.owner = uuid.uuid4()
        said = Draft(id=MESSAGE_ID, role="user", content="I sailed to Zanzibar.", at=AT, audio=CLIP)
        columns = {"title": "Marrakesh", "topic": "Zanzibar", "timestamp": AT, "config": {"scenario": "travel"}}
        asked = Draft(id="ai-1714521600000", role="assistant", content="Where did you go?", at=AT)
        stored = store.save(self.owner, ID, columns=columns, messages=[asked, said])
        self.conversation = stored.conversation
        (self.recording,) = stored.recordings.values()
        vera = get_user_model().objects.create(username="vera")
        entry = LogEntry.objects.create(
            # Who has entries cannot be deleted in the admin.
            user=get_user_model().objects.create(username="ines"),
            content_type=ContentType.objects.get_for_model(Group),
            object_id="1",
            object_repr="teacher",
            action_flag=ADDITION,
        )
        audit.record(vera, audit.Action.READ, [audit.Accessed("conversation", self.conversation.pk, ID, self.owner)])
        self.run = Run.objects.using("default").create(
            source="local", destination="cloud", options={}, state=Run.State.DONE
        )
        # The objects of the admin's pages. A new model needs one.
        self.objects: dict[str, Model] = {
            each._meta.label_lower: each
            for each in (
                self.conversation,
                self.recording,
                vera,
                Group.objects.create(name="own"),
                entry,
                AccessRecord.objects.get(),
            )
        }
        self.at_first = self.snapshot()

    def values(self, route: str) -> dict[str, str]:
        """Return the values of the variables in an address."""
        key = str(self.run.pk)
        if route.startswith("/api/audio/"):
            key = self.recording.key
        elif route.startswith("/admin/conversations/"):
            key = str(self.recording.pk)
        values = {"id": ID, "conversation": ID, "message_id": MESSAGE_ID, "key": key, "url": "nowhere"}
        values |= {"signed": recordings.url(self.recording).partition("?")[2], "audio": self.recording.key}
        kind = ContentType.objects.get_for_model(Conversation)
        values |= {"app_label": "conversations", "content_type_id": str(kind.pk)}
        values |= {"object_id": str(self.conversation.pk)}
        page = re.match(r"/admin/(\w+)/(\w+)/<(path:object_)?id>/", route)
        if page and page[1] != "r":
            values["object_id"] = values["id"] = str(self.objects[f"{page[1]}.{page[2]}"].pk)
        return values

    def shows(self, content: bytes) -> str:
        """Return "words" if this has the owner's words, sound, or a link to it; "facts" if it has the owner's id; else ""."""
        words = (b"Zanzibar", b"Marrakesh", f"{self.recording.key}?signature=".encode())
        if any(each in content for each in words):
            return "words"
        return "facts" if str(self.owner).encode() in content else ""

    def snapshot(self) -> Snapshot:
        """Read what a call may change: the learners' data, and two accounts."""
        rows = {model: list(model._default_manager.using("local").order_by("pk").values()) for model in KEPT}
        accounts = (self.objects["auth.user"], self.objects["auth.group"])
        return rows | {type(each): list(type(each)._default_manager.filter(pk=each.pk).values()) for each in accounts}

    def has_changed(self, before: Snapshot, after: Snapshot) -> bool:
        """Return whether the owner's data or an account differs. What others wrote of their own does not count."""

        def concerned(rows: Snapshot) -> Snapshot:
            return {
                model: [row for row in each if model not in KEPT or self.owner in row.values()]
                for model, each in rows.items()
            }

        return before != after and concerned(before) != concerned(after)

    def restore(self, after: Snapshot) -> None:
        """Bring back what differs from the beginning."""
        if after == self.at_first:
            return
        for model in reversed(KEPT):
            model._default_manager.using("local").all().delete()
        for model in KEPT:
            model._default_manager.using("local").bulk_create(model(**row) for row in self.at_first[model])
        for each in (self.objects["auth.user"], self.objects["auth.group"]):
            each.save()
        storage = storages["audio_local"]
        if not storage.exists(self.recording.key):
            storage.save(self.recording.key, ContentFile(CLIP.data))
