"""Define the options of a run. The command and the console make them, and a run's row keeps them as JSON."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, time

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.json_types import Json

DEFAULT_WORKERS = 8


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Hold the options of one run. The default copies everything."""

    # Only this learner's data.
    learner: uuid.UUID | None = None
    # Only the conversations since this moment, with the recordings in them.
    since: datetime | None = None
    # Recordings at a time.
    workers: int = DEFAULT_WORKERS
    # Read every byte back, also of recordings that were already there, instead of comparing size and checksum.
    reads_back: bool = False
    # Only look, and count what would be copied.
    dry_run: bool = False

    @classmethod
    def from_row(cls, stored: Json) -> "RunOptions":
        """Read the options of a run's row. Rows of earlier versions call `dry_run` "dry", and may lack other options."""
        learner, since = stored.get("learner"), stored.get("since")
        return cls(
            learner=uuid.UUID(learner) if learner else None,
            since=moment(since) if since else None,
            workers=int(stored.get("workers") or DEFAULT_WORKERS),
            reads_back=bool(stored.get("reads_back")),
            dry_run=bool(stored.get("dry_run") or stored.get("dry")),
        )

    def to_row(self) -> Json:
        return asdict(self) | {"learner": str(self.learner) if self.learner else None, "since": self._since}

    def in_words(self) -> list[str]:
        words = []
        if self.dry_run:
            words.append("dry run: nothing is written")
        if self.learner:
            words.append(f"only learner {self.learner}")
        if self.since:
            words.append(f"only what was said since {self._since}")
        if self.reads_back:
            words.append("every byte is read back")
        return [*words, f"{self.workers} {'recording' if self.workers == 1 else 'recordings'} at a time"]

    @property
    def _since(self) -> str | None:
        """Return `since` in ISO 8601. The start of a day is written as the day, as operators give it."""
        if self.since is None:
            return None
        here = self.since.astimezone(timezone.get_default_timezone())
        return here.date().isoformat() if here.time() == time() else self.since.isoformat()


EVERYTHING = RunOptions()


def moment(text: str) -> datetime:
    """Parse a date or a moment in ISO 8601. Without a zone it is in UTC. Raises ValueError."""
    try:
        found = parse_datetime(text if "T" in text or " " in text else f"{text}T00:00")
    except ValueError:
        # It has the form of a date but is not one, such as the 30th of February.
        found = None
    if found is None:
        raise ValueError(f"{text!r} is not a date: write 2026-01-31.")
    return found if found.tzinfo else found.replace(tzinfo=timezone.get_default_timezone())
