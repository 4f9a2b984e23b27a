"""Hold the items of a talk in their order."""

import base64
from dataclasses import dataclass, field

from core.json_types import Json
from simulators.openai import scripted_words, sound
from simulators.openai.error_shapes import ApiError

CONTENT = {"user": {"input_text", "input_audio"}, "assistant": {"output_text"}, "system": {"input_text"}}
# Number of latest items whose audio can still be retrieved. A long talk must not keep all of its audio.
LATEST_WITH_AUDIO = 16
# Milliseconds of audio in one token, as the real API counts them.
USER_TOKEN_MS, ASSISTANT_TOKEN_MS = 100, 50


@dataclass
class Item:
    """Hold one message.

    `heard` is the text of a user's audio, whether or not the client asked for a transcript. `audio_ms` is the length of
    the audio, and `pcm` the audio itself, unless the item is too old to keep it.
    """

    id: str
    role: str
    content: list[Json] = field(default_factory=list)
    status: str = "completed"
    pcm: bytearray = field(default_factory=bytearray)
    audio_ms: float = 0
    heard: str = ""

    def append(self, pcm: bytes) -> None:
        self.pcm += pcm
        self.audio_ms += sound.milliseconds(pcm)

    def shape(self, *, with_audio: bool = False) -> dict[str, object]:
        content = [dict(part) for part in self.content]
        if with_audio and self.pcm:
            content[0]["audio"] = base64.b64encode(self.pcm).decode()
        head = {"id": self.id, "object": "realtime.item", "type": "message"}
        return {**head, "status": self.status, "role": self.role, "content": content}

    def text(self) -> str:
        """Return the text of the item: typed, heard or spoken."""
        return self.heard or " ".join(part.get("text") or part.get("transcript") or "" for part in self.content)

    def tokens(self) -> tuple[int, int]:
        """Return the numbers of text tokens and audio tokens."""
        if self.audio_ms:
            return 0, round(self.audio_ms / (USER_TOKEN_MS if self.role == "user" else ASSISTANT_TOKEN_MS))
        return len(scripted_words.tokens(self.text())), 0


class SimulatedConversation:
    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self.items: list[Item] = []

    def last_said(self) -> str:
        """Return the text that the user said last, or an empty string."""
        return next((item.text() for item in reversed(self.items) if item.role == "user"), "")

    def has_speech(self) -> bool:
        return any(item.role == "assistant" and item.audio_ms for item in self.items)

    def tokens_beside(self, spoken: Item) -> tuple[int, int]:
        """Return the numbers of text tokens and audio tokens in all other items."""
        counted = [item.tokens() for item in self.items if item is not spoken]
        return sum(text for text, _ in counted), sum(audio for _, audio in counted)

    def last_id(self) -> str | None:
        return self.items[-1].id if self.items else None

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Insert an item at the end or after another (`root`: at the beginning). Raises ApiError.

        Return the id of the item before it.
        """
        if any(each.id == item.id for each in self.items):
            raise ApiError(400, f"Item with id '{item.id}' already exists.", code="item_already_exists")
        if after is None:
            at = len(self.items)
        elif after == "root":
            at = 0
        else:
            at = self.items.index(self.find(after, "create")) + 1
        self.items.insert(at, item)
        for old in self.items[-LATEST_WITH_AUDIO - 1 : -LATEST_WITH_AUDIO]:
            old.pcm.clear()
        return self.items[at - 1].id if at else None

    def find(self, item_id: object, to_do: str) -> Item:
        """Return the item. Raises ApiError, with `to_do` as the action that failed."""
        for item in self.items:
            if item.id == item_id:
                return item
        message = f"Error with item {to_do}: the item with id '{item_id}' does not exist."
        raise ApiError(400, message, param="item_id", code=f"item_{to_do}_invalid_item_id")

    def delete(self, item_id: object) -> None:
        self.items.remove(self.find(item_id, "delete"))

    def truncate(self, item_id: object, audio_end_ms: object) -> None:
        """Drop the unheard part of a spoken answer, and with it the transcript. Raises ApiError."""
        item = self.find(item_id, "truncate")
        if item.role != "assistant" or not item.content or item.content[0]["type"] != "output_audio":
            raise ApiError(400, "Only model output audio messages can be truncated", code="invalid_value")
        if not isinstance(audio_end_ms, int) or audio_end_ms < 0:
            raise ApiError(
                400, "Invalid 'audio_end_ms': expected an integer.", param="audio_end_ms", code="invalid_type"
            )
        if audio_end_ms > item.audio_ms:
            message = f"Audio content of {item.audio_ms:.0f}ms is already shorter than {audio_end_ms}ms"
            raise ApiError(400, message, param="audio_end_ms", code="invalid_value")
        del item.pcm[audio_end_ms * sound.BYTES_PER_MS :]
        item.audio_ms = audio_end_ms
        item.content[0]["transcript"] = ""


def from_client(given: object, item_id: str) -> Item:
    """Return an item that the client sent. Raises ApiError."""
    if not isinstance(given, dict) or given.get("type") != "message" or given.get("role") not in CONTENT:
        raise ApiError(
            400, "Only messages of user, assistant and system are supported.", param="item", code="invalid_value"
        )
    content = given.get("content") or []
    for part in content:
        if part.get("type") not in CONTENT[given["role"]]:
            message = f"Invalid value: '{part.get('type')}'."
            raise ApiError(400, message, param="item.content[0].type", code="invalid_value")
    item = Item(given.get("id") or item_id, given["role"], [dict(part) for part in content])
    for part in item.content:
        item.append(base64.b64decode(part.pop("audio", None) or ""))
    return item
