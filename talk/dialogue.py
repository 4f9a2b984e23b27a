"""Hold the dialogue of a talk, and derive its goals, its hints and the columns of its row."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from conversations.models import Conversation, Message
from conversations.store import StoredConversation
from core.json_types import Json
from talk.protocol import OWN_WORDS
from talk.reminders import Reminder, for_brief, taken_up
from tutor import hints, language, scenario
from tutor.domain import Correction, Line
from tutor.scenario import LEVELS, Brief
from tutor.transcripts import certain_of_stored
from usage.metering import is_amount

DEFAULT_LEVEL = "A2"
MODE_OF_KIND = {
    **{"chat": "casual-chat", "adventure": "casual-chat", "lesson": "speaking-practice"},
    **{"interview": "interview", "exam": "interview", "placement": "interview", "own": "speaking-practice"},
}
PREFIXES = {"user": "user", "assistant": "ai"}


class Dialogue:
    """Hold the lines of a talk, in a list that its engine reads, and the state that follows from them."""

    def __init__(self, conversation: str, brief: Brief, engine: str) -> None:
        self.brief, self.lines = brief, list[Line]()
        # The learner's country, as an ISO 3166 code, "" if it is unknown.
        self.country = ""
        # Mistakes of earlier talks.
        self.reminders: tuple[Reminder, ...] = ()
        self.ended = False
        self.conversation, self.engine = conversation, engine
        self._ids: list[str] = []
        self._title = ""
        self._config: Json = {}
        self._started_at = self._opened_at = datetime.now(UTC)
        # Minutes of talking before this connection.
        self._minutes_before = 0.0
        self._last_stamp = 0
        self._hints = 0
        self.goals = self._goals_reached()

    @classmethod
    def of(
        cls,
        conversation: str,
        stored: StoredConversation | None,
        engine: str,
        *,
        reminders: Sequence[Reminder] = (),
    ) -> "Dialogue":
        """Return the dialogue of a conversation so far, or a new one if nothing is stored. `reminders` are for the brief."""
        brief = _brief(conversation, stored.conversation if stored else None)
        dialogue = cls(conversation, replace(brief, mistakes=for_brief(reminders)), engine)
        dialogue.reminders = tuple(reminders)
        if stored:
            dialogue._restore(stored)
        return dialogue

    def change_topic(self, wishes: dict[str, str]) -> bool:
        """Choose what the talk is about. Return False once it has begun. Then only the language of explanations can change."""
        explain = wishes.get("language") or self.brief.language
        if self.lines:
            self.brief = replace(self.brief, language=explain)
            return False
        chosen = scenario.get(wishes.get("scenario") or self.brief.scenario.id)
        level = wishes.get("level") or (chosen.level if "scenario" in wishes else self.brief.level)
        self.brief = replace(self.brief, scenario=chosen, level=level, language=explain)
        if not wishes.keys() <= {"language"}:
            self.brief = _with_own_words(self.brief, wishes)
        self.goals = self._goals_reached()
        return True

    def shape(self) -> dict[str, object]:
        return {
            "conversation": self.conversation,
            "scenario": self.brief.scenario.id,
            "title": self._title or self.topic,
            "level": self.brief.level,
            "language": self.brief.language,
            "goals": self.goals,
            "turns": sum(line.role == "user" for line in self.lines),
        }

    @property
    def topic(self) -> str:
        return self.brief.topic or self.brief.scenario.title

    @property
    def last_id(self) -> str | None:
        return self._ids[-1] if self._ids else None

    def has(self, item_id: str) -> bool:
        return item_id in self._ids

    def new_id(self, role: str) -> str:
        """Return a new id in the contract's form, `user-<ms>` or `ai-<ms>`. Its stamp is later than all before it."""
        self._last_stamp = max(self._last_stamp + 1, int(time.time() * 1000))
        return f"{PREFIXES[role]}-{self._last_stamp}"

    def stamp(self) -> datetime:
        """Return the present time, but later than every stamp before it, because messages are sorted by it."""
        self._last_stamp = max(self._last_stamp + 1, int(time.time() * 1000))
        return datetime.fromtimestamp(self._last_stamp / 1000, UTC)

    def add(self, item_id: str, role: str, text: str) -> None:
        """Add a line. The words of a learner's line may still be missing: see `set_words`."""
        self._ids.append(item_id)
        self.lines.append(Line(role, text))
        self._hints = 0

    def set_words(self, item_id: str, text: str) -> bool:
        """Set the words of a line that has its place already. Return whether they reached a goal."""
        at = self._ids.index(item_id)
        self.lines[at] = replace(self.lines[at], text=text)
        before, self.goals = self.goals, self._goals_reached()
        return self.goals != before

    def taken_up(self, text: str, corrections: Sequence[Correction]) -> list[Reminder]:
        """Return the mistakes of earlier talks that the learner now gets right, each once in a talk."""
        found = taken_up(text, corrections, self.reminders)
        self.reminders = tuple(one for one in self.reminders if one not in found)
        return found

    def lines_before(self, item_id: str) -> list[Line]:
        return self.lines[: self._ids.index(item_id)]

    def set_heard(self, item_id: str, text: str) -> None:
        """Replace the text of a line by the part that was said. Remove the line if that is nothing."""
        at = self._ids.index(item_id)
        if text:
            self.lines[at] = replace(self.lines[at], text=text)
        else:
            del self.lines[at], self._ids[at]

    def hint(self) -> str:
        self._hints += 1
        return hints.hint(self.brief, self.lines, self._hints - 1)

    def columns(self) -> Json:
        """Return the columns of the conversation's row that a talk saves, as they are now."""
        now = datetime.now(UTC)
        level = self.brief.level
        config = {"topic": self.topic, "difficulty": LEVELS.index(level) + 1, "voice": self.engine}
        # Keep the language that an older client chose.
        config["language"] = _known_language(self._config.get("language"))
        config |= {"mode": MODE_OF_KIND[self.brief.scenario.kind], "scenario": self.brief.scenario.id, "level": level}
        config |= {name: getattr(self.brief, name) for name in OWN_WORDS[1:] if getattr(self.brief, name)}
        config["explain"] = self.brief.language
        return {
            "topic": self.topic,
            "config": self._config | config,
            "goals": self.goals,
            "timestamp": self._started_at,
            "started_at": self._started_at,
            "ended_at": now,
            "duration": round(self._minutes_before + (now - self._opened_at).total_seconds() / 60, 3),
            "call_ended": self.ended,
        }

    def _restore(self, stored: StoredConversation) -> None:
        row = stored.conversation
        self._title, self._config = row.title, row.config if isinstance(row.config, dict) else {}
        self._started_at = row.started_at or row.timestamp
        self._minutes_before = row.duration or 0.0
        for message in stored.messages:
            self._ids.append(message.wire_id)
            text = certain_of_stored(message.content, message.measured)
            # Words in doubt do not count, so the time that they took must not count either.
            seconds = spoken_s(message, stored) if text == message.content else None
            self.lines.append(Line(message.role, text, seconds))
            self._last_stamp = max(self._last_stamp, round(message.timestamp.timestamp() * 1000))
        self.goals = self._goals_reached()

    def _goals_reached(self) -> list[Json]:
        return [{"text": text, "done": done} for text, done in scenario.goals(self.brief, self.lines)]


def spoken_s(message: Message, stored: StoredConversation) -> float | None:
    """Return how long the message was spoken, in seconds: its recording's length, or the one that was measured without it."""
    if recording := stored.recordings.get(message.audio_key):
        return recording.duration
    spoken_ms = message.measured.get("spoken_ms") if isinstance(message.measured, dict) else None
    return spoken_ms / 1000 if is_amount(spoken_ms) else None


def _brief(conversation: str, row: Conversation | None) -> Brief:
    """Return the brief of a stored conversation, or a default one for None. An unknown scenario becomes "own-topic"."""
    if row is None:
        first = next(iter(scenario.load_all().values()))
        return Brief(scenario=first, level=DEFAULT_LEVEL, seed=conversation)
    config = row.config if isinstance(row.config, dict) else {}
    chosen = scenario.load_all().get(str(config.get("scenario")), scenario.get("own-topic"))
    level = config.get("level")
    if level not in LEVELS:
        difficulty = config.get("difficulty")
        level = LEVELS[difficulty - 1] if isinstance(difficulty, int) and 1 <= difficulty <= 5 else DEFAULT_LEVEL
    # Older clients set only `language`.
    explain = _known_language(config.get("explain"), config.get("language"))
    brief = Brief(scenario=chosen, level=level, seed=conversation, language=explain)
    return _with_own_words(brief, config) if chosen.kind == "own" else brief


def _with_own_words(brief: Brief, given: Mapping[str, object]) -> Brief:
    """Return the brief with the learner's own words, "" for those that are not given."""
    topic, goal, rules, expectations = (str(given.get(name) or "")[:500] for name in OWN_WORDS)
    return replace(brief, topic=topic, goal=goal, rules=rules, expectations=expectations)


def _known_language(*codes: object) -> str:
    """Return the first of these codes that is a language of explanations, else the default."""
    return next((code for code in codes if isinstance(code, str) and code in language.load_all()), language.DEFAULT)
