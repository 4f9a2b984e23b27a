"""Choose the words that the provider hears and says: from its scripts, or from a template that never varies."""

import hashlib
import re
from collections.abc import Collection
from typing import Any

from simulators.openai import smallest_answer
from simulators.openai.simulator_settings import Settings

TOKEN = re.compile(r"\s*\w+(?:['\u2019-]\w+)*|\s*[^\w\s]|\s+$")
GREETING = "Hello! What would you like to talk about today?"


def tokens(text: str) -> list[str]:
    """Split text into words, each with the space before it, and punctuation. Joined, they are the text again."""
    return TOKEN.findall(text)


class Script:
    """Return the lines of the settings' scripts in turn, to any caller. `settings` may be replaced meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._at: dict[str, int] = {}

    def rewind(self, scripts: Collection[str]) -> None:
        """Start these scripts again. `structured` means all scripts for JSON schemas."""
        self._at = {name: at for name, at in self._at.items() if name.partition(".")[0] not in scripts}

    def heard(self, audio: bytes, seconds: float) -> str:
        named = self.settings.heard
        for key in (hashlib.sha256(audio).hexdigest(), str(len(audio))) if named else ():
            if key in named:
                return named[key]
        return self._next("transcripts", self.settings.transcripts) or f"I spoke for {seconds:.1f} seconds."

    def reply(self, heard: str) -> str:
        """Return the answer to the user's last words. Empty words mean that the user has said nothing yet."""
        usual = f"I see, you said: {heard} What happened next?" if heard else GREETING
        return self._next("replies", self.settings.replies) or usual

    def structured(self, name: str, json_schema: dict[str, Any]) -> str:
        """Return an answer that follows the JSON schema, unless the script sets another."""
        line = self._next(f"structured.{name}", self.settings.structured.get(name, []))
        return smallest_answer.as_json(smallest_answer.smallest(json_schema) if line is None else line)

    def _next(self, name: str, lines: list[Any]) -> Any:
        if not lines:
            return None
        at = self._at.get(name, 0)
        self._at[name] = at + 1
        return lines[min(at, len(lines) - 1)]
