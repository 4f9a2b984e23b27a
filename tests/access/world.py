"""Provide a learner's data that others try to reach, and tell what an answer has shown or changed of it."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connections
from django.db.models import Model
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation, Erasure, LastClear, LearnerPreferences, Message
from learners import erased, invitations, tokens
from learners.models import Account, ApiToken, Device, Invitation
from learning import card_words, due, projection
from learning.models import Card, ReportedCorrection
from migration.models import Run
from own_data import exporting, share_links
from own_data.models import Export, ShareLink
from staff import audit
from staff.models import AccessRecord
from usage.models import SiteLimits

ID, MESSAGE_ID = "conv-1714521600000-abcdefg", "user-1714521600000"
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
CLIP = Clip(b"\x1a\x45\xdf\xa3 the voice from Zanzibar", "audio/webm", 1.5)
SECRET = "Zanzibar's secret"
# Of learners, with the database. They are read and restored in this order.
KEPT: dict[type[Model], str] = dict.fromkeys(
    (Conversation, Message, Recording, LastClear, LearnerPreferences, Export, Erasure), "local"
) | {ApiToken: "default", ShareLink: "default"}
# Columns that say when something was last used.
USES = ("last_login", "used_at")
# The rows of each model.
Snapshot = dict[type[Model], list[dict[str, Any]]]


class World:
    """Hold the owner's conversation with a recording, their account, and one object for each page of the admin."""

    _marks: object = None

    def __init__(self) -> None:
        self.owner = uuid.uuid4()
        reported = {
            "said": "to Zanzibar",
            "better": "for Zanzibar",
            "why": "",
            "category": "",
            "disputed": 1714521600000,
        }
        mistake = {"said": "sailed to", "better": "sailed for", "why": "Marrakesh", "category": "preposition"}
        said = Draft(
            id=MESSAGE_ID,
            role="user",
            content="I sailed to Zanzibar.",
            at=AT,
            audio=CLIP,
            corrections=[reported, mistake],
        )
        columns = {"title": "Marrakesh", "topic": "Zanzibar", "timestamp": AT, "config": {"scenario": "travel"}}
        asked = Draft(id="ai-1714521600000", role="assistant", content="Where did you go?", at=AT)
        stored = store.save(self.owner, ID, columns=columns, messages=[asked, said])
        self.conversation = stored.conversation
        (self.recording,) = stored.recordings.values()
        projection.refresh(self.owner)
        self.card = Card.objects.using("local").get(reported_at=None)
        words = card_words.of_cards([self.card], "local")[self.card.pk]
        self.prompt = due.Prompt.of(self.card, words, timezone.now()).sealed(self.owner)
        vera = get_user_model().objects.create(username="vera", email="vera@example.org")
        self.account = Account.objects.create(user=vera, learner=self.owner)
        self.device = Device.objects.create(account=self.account, user_agent="Lynx")
        self.token, _ = tokens.create(self.owner, "my program")
        # A link that anybody may have.
        created = share_links.create(self.owner, ID, days=7, words_only=False)
        assert created
        self.link, self.share_token = created
        self.export = Export.objects.using("local").create(
            learner=self.owner, state=Export.State.DONE, finished_at=timezone.now()
        )
        self.deck = Export.objects.using("local").create(
            learner=self.owner, kind=Export.Kind.ANKI, state=Export.State.DONE, finished_at=timezone.now()
        )
        # Who has entries cannot be deleted in the admin.
        ines = get_user_model().objects.create(username="ines")
        entry = LogEntry.objects.create(
            user=ines,
            content_type=ContentType.objects.get_for_model(Group),
            object_id="1",
            object_repr="teacher",
            action_flag=ADDITION,
        )
        audit.record(ines, audit.Action.READ, [audit.Accessed("conversation", self.conversation.pk, ID, self.owner)])
        self.run = Run.objects.using("default").create(
            source="local", destination="cloud", options={}, state=Run.State.DONE
        )
        invitation = Invitation(note="for Ada")
        self.invitation_token = invitations.new_token(invitation)
        invitation.save()
        # Accounts and what belongs to them, in the order in which they can be saved again.
        self.accounts: tuple[Model, ...] = (
            vera,
            self.account,
            self.device,
            EmailAddress.objects.create(user=vera, email=vera.email, primary=True),
            Group.objects.create(name="own"),
            Authenticator.objects.create(user=ines, type=Authenticator.Type.TOTP, data={"secret": SECRET}),
            SocialAccount.objects.create(user=ines, provider="own", uid="1", extra_data={}),
            invitation,
            SiteLimits.objects.create(daily_spending_limit=5),
        )
        # The objects of the admin's pages. A new model needs one.
        report = ReportedCorrection.objects.using("local").exclude(reported_at=None).get()
        others = (self.conversation, self.recording, entry, AccessRecord.objects.get(), report)
        self.objects: dict[str, Model] = {each._meta.label_lower: each for each in (*self.accounts, *others)}
        self._keep_files()
        self.begin()

    def begin(self) -> None:
        """Take the world as it is now for what `restore` brings back."""
        self.at_first = self.snapshot()

    def give_account_to(self, learner: uuid.UUID) -> None:
        self.account.learner = learner
        self.account.save()
        self.begin()

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
        values |= {
            "object_id": str(self.conversation.pk),
            "device": str(self.device.pk),
            "token": self.invitation_token,
        }
        # Nobody's: allauth's own tests show whom its links sign in.
        values |= {"provider_id": "nowhere", "uidb36": "0", "pk": "0"}
        if route.startswith(("/api/reviews/", "/api/pairs/")):
            # A talk is refused.
            values["id"] = "review-1"
        if route.startswith("/api/mistakes/"):
            values["id"] = str(self.card.pk)
        if route.startswith("/api/me/"):
            values["id"] = str(self.link.pk if route.startswith("/api/me/links/") else self.token.pk)
        if route.startswith("/shared/"):
            values["token"] = self.share_token
        page = re.match(r"/admin/(\w+)/(\w+)/<(path:object_)?id>/", route)
        if page and page[1] != "r":
            values["object_id"] = values["id"] = str(self.objects[f"{page[1]}.{page[2]}"].pk)
        return values

    def shows(self, content: bytes) -> str:
        """Return "words" if this has the owner's words, sound, or a link to it; "facts" if it has the owner's ids; else ""."""
        words = (b"Zanzibar", b"Marrakesh", f"{self.recording.key}?signature=".encode())
        if any(each in content for each in words):
            return "words"
        facts = (self.owner, self.device.pk, self.token.pk, self.account.user.email)
        return "facts" if any(str(each).encode() in content for each in facts) else ""

    def snapshot(self) -> Snapshot:
        """Read what a call may change: the data of learners, and the accounts. Read nothing if nothing was written."""
        marks = _marks()
        if marks != self._marks:
            rows = {model: model._default_manager.using(using).order_by("pk") for model, using in KEPT.items()}
            rows |= {type(each): type(each)._default_manager.filter(pk=each.pk) for each in self.accounts}
            self._last = {model: [_without_uses(row) for row in found.values()] for model, found in rows.items()}
            self._marks = marks
        return self._last

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
        for model, using in reversed(KEPT.items()):
            model._default_manager.using(using).all().delete()
        for model, using in KEPT.items():
            model._default_manager.using(using).bulk_create(model(**row) for row in self.at_first[model])
        for each in self.accounts:
            # Raw, so that no moment is set to now.
            each.save_base(raw=True)
        self._keep_files()
        # What was remembered of cookies, tokens and erased learners.
        caches["memory"].clear()
        tokens.forget()
        erased.forget()

    def _keep_files(self) -> None:
        storage = storages["audio_local"]
        if not storage.exists(self.recording.key):
            storage.save(self.recording.key, ContentFile(CLIP.data))
        for export in (self.export, self.deck):
            path = exporting.path_of(export)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(CLIP.data)


def _without_uses(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in USES}


def _marks() -> list[object]:
    """Return what differs after each write to a database, whichever connection has made it."""
    marks = list[object]()
    for alias in ("default", "local"):
        with connections[alias].cursor() as cursor:
            by_others = cursor.execute("PRAGMA data_version").fetchone()
            opened = connections[alias].connection
            marks.append((opened, opened.total_changes, by_others))
    return marks
