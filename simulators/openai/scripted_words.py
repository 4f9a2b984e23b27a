"""Choose the provider's transcripts and answers: from its scripts, or from a fixed template."""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from typing import TypeVar

from core.json_types import Json
from simulators.openai.simulator_settings import Settings

TOKEN = re.compile(r"\s*\w+(?:['\u2019-]\w+)*|\s*[^\w\s]|\s+$")
GREETING = "Hello! What would you like to talk about today?"
# The smallest value of each type of JSON.
PLAIN: dict[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}
Line = TypeVar("Line")


def tokens(text: str) -> list[str]:
    """Split text into words, each with the space before it, and punctuation. Joined, they are the text again."""
    return TOKEN.findall(text)


def text_of(message: Json) -> str:
    """Return the text of a client's message, whose content is a text or a list of parts."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


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

    def written(self, answer_format: Json, messages: Sequence[Json]) -> str:
        """Return a written answer to a client's messages: a reply to the user's last words, or JSON if the format demands it.

        JSON follows the schema of the format, unless the script sets another answer.
        """
        if answer_format.get("type") not in ("json_schema", "json_object"):
            said = [text_of(message) for message in messages if message.get("role") == "user"]
            return self.reply(said[-1] if said else "")
        name = answer_format.get("name", "")
        line = self._next(f"structured.{name}", self.settings.structured.get(name, []))
        if line is None:
            line = smallest(answer_format.get("schema", {}))
        return line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)

    def _next(self, name: str, lines: Sequence[Line]) -> Line | None:
        if not lines:
            return None
        at = self._at.get(name, 0)
        self._at[name] = at + 1
        return lines[min(at, len(lines) - 1)]


def smallest(schema: Json, root: Json | None = None) -> object:
    """Return the smallest value that a schema allows.

    Supports the part of JSON Schema that structured outputs allow: objects, arrays, enums, anyOf, and $ref into $defs.
    """
    root = root or schema
    if "$ref" in schema:
        found = root
        for name in schema["$ref"].removeprefix("#").strip("/").split("/"):
            found = found[name] if name else found
        return smallest(found, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: smallest(each, root) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [smallest(schema["items"], root) for _ in range(schema.get("minItems", 0))]
    return schema.get("minimum", PLAIN[kind])
