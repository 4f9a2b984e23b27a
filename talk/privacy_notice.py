"""Describe how this site handles what learners say: what it keeps, where and for how long, and who receives it.

All of it follows from the settings in force. The start page, /privacy and `GET /api/privacy` show it.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from conversations import preferences
from conversations.models import LearnerPreferences
from engines import in_use

MATTER = "the topic, your level and your latest mistakes"
# What each stage of an engine gets.
GETS = {
    "realtime": "your voice while it is recorded (hands-free: everything that the microphone picks up), what was said before, "
    + MATTER,
    "transcription": "the recording of each turn, to write it down",
    "chat": f"the words of the talk, {MATTER}, to answer, correct, translate and give feedback",
    "speech": "the words of the agent, to read them aloud",
    "moderation": "the words of both, to notice what must not be talked about",
}
HERE = "on this server"
DATABASES = {"": HERE, "default": "in a PostgreSQL database", "mongodb": "in a MongoDB database"}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Name a service that gets what a learner says, the hosts that are contacted, and what it gets, in words."""

    provider: str
    hosts: tuple[str, ...]
    gets: tuple[str, ...]

    @property
    def hosts_to_show(self) -> str:
        """Return the hosts, or "" if they say no more than the name does."""
        is_here = any(host.startswith(("localhost", "127.", "[::1]")) for host in self.hosts)
        return "" if is_here or self.hosts == (self.provider,) else ", ".join(self.hosts)


@dataclass(frozen=True, slots=True)
class KeptData:
    """Say where something is kept, in words, and for how many days. None: until the learner deletes it."""

    where: str
    days: int | None

    @property
    def period(self) -> str:
        return until(self.days)


@dataclass(frozen=True, slots=True)
class PrivacyNotice:
    """Hold the notice. The operator's fields are None if the settings do not name them."""

    operator: str | None
    contact: str | None
    recipients: tuple[Recipient, ...]
    conversations: KeptData
    recordings: KeptData
    # Days that a learner may choose.
    choices: tuple[int, ...]
    share_links: bool
    # How long the link to a recording works, on a page that is open.
    audio_link_minutes: int

    @property
    def contact_link(self) -> str:
        """Return a link to the contact, "" if it is neither an email address nor a web address."""
        contact = self.contact or ""
        if re.fullmatch(r"https?://\S+", contact):
            return contact
        return f"mailto:{contact}" if re.fullmatch(r"[^\s@]+@[^\s@]+", contact) else ""

    @property
    def line(self) -> str:
        """Return what is kept and for how long, for a learner who has chosen nothing."""
        return kept_in_words(self.conversations.days, self.recordings.days, keeps_audio=True)

    @property
    def line_words_only(self) -> str:
        """Return the same for a learner who refuses recordings."""
        return kept_in_words(self.conversations.days, self.recordings.days, keeps_audio=False)


def notice() -> PrivacyNotice:
    """Return the notice, made from the settings in force."""
    words, audio = preferences.retention_days(LearnerPreferences())
    return PrivacyNotice(
        operator=settings.OPERATOR_NAME or None,
        contact=settings.OPERATOR_CONTACT or None,
        recipients=_recipients(),
        conversations=KeptData(DATABASES[settings.CLOUD_DATABASE], words),
        recordings=KeptData(_bucket() if settings.CLOUD_AUDIO else HERE, audio),
        choices=tuple(days for days in preferences.RETENTION_CHOICES if days < (words or days + 1)),
        share_links=settings.SHARE_LINKS,
        audio_link_minutes=max(1, round(settings.AUDIO_URL_EXPIRY / 60)),
    )


def kept_in_words(words: int | None, audio: int | None, *, keeps_audio: bool) -> str:
    """Return what is kept and for how long: words and recordings, each in days. None: until the learner deletes them."""
    if not keeps_audio:
        return f"Your words are kept {until(words)}, and no recordings are kept."
    if words == audio:
        return f"Your words and recordings are kept {until(words)}."
    return f"Your words are kept {until(words)}, and recordings {until(audio)}."


def until(days: int | None) -> str:
    """Return in words for how long something is kept."""
    if days is None:
        return "until you delete them"
    return "for a day" if days == 1 else f"for {days:,} days"


def _recipients() -> tuple[Recipient, ...]:
    found: dict[str, list[tuple[str, str]]] = {}
    for receiver in dict.fromkeys(each for engine in in_use() for each in engine.receivers()):
        found.setdefault(receiver.provider, []).append((receiver.host, GETS[receiver.stage]))
    return tuple(
        Recipient(provider, tuple(dict.fromkeys(host for host, _ in used)), tuple(gets for _, gets in used))
        for provider, used in found.items()
    )


def _bucket() -> str:
    options = settings.STORAGES["audio_cloud"]["OPTIONS"]
    endpoint = settings.AWS_S3_PUBLIC_ENDPOINT_URL or settings.AWS_S3_ENDPOINT_URL
    if host := endpoint and urlsplit(endpoint).hostname:
        return f"in a private bucket at {host}"
    return f"in a private bucket of Amazon S3 (region {options['region_name']})"
