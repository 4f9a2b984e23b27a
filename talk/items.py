"""Read the items that clients add to a conversation, and write those that they see, in the Realtime API's form."""

from collections.abc import Iterable

from conversations.models import Message
from core.json_types import Json
from talk.protocol import MAX_TEXT, Event, ProtocolError, checked_text, item_id_of

Item = Json
NOT_A_MESSAGE = "Only messages can be added: the agent calls no tools."
NOT_A_USER = (
    "Only messages of the role user can be added: the agent's words are its own, and its task is `session.talk`."
)
ONLY_TEXT = "Only input_text can be added."
SEND_SOUND = "Send sound with input_audio_buffer.append, then input_audio_buffer.commit."


def message_item(item_id: str, role: str, content: list[Item], status: str = "completed") -> Item:
    shape = {"id": item_id, "object": "realtime.item", "type": "message", "role": role}
    return shape | {"status": status, "content": content}


def user_item(item_id: str, text: str, *, typed: bool) -> Item:
    part = {"type": "input_text", "text": text} if typed else {"type": "input_audio", "transcript": text or None}
    return message_item(item_id, "user", [part])


def typed_text(sent: Event, last_id: str | None) -> tuple[str | None, str]:
    """Return the id, if any, and the words of a `conversation.item.create` after the item `last_id`. Raises ProtocolError."""
    item = sent.get("item")
    if not isinstance(item, dict):
        raise ProtocolError("invalid_item", "`item` must be an object.", "item")
    if item.get("type") != "message":
        raise ProtocolError("invalid_item", NOT_A_MESSAGE, "item.type")
    if item.get("role") != "user":
        raise ProtocolError("invalid_item", NOT_A_USER, "item.role")
    parts = item.get("content")
    if not isinstance(parts, list):
        raise ProtocolError("invalid_item", "`item.content` must be a list.", "item.content")
    texts = []
    for number, part in enumerate(parts):
        name, fields = f"item.content[{number}]", part if isinstance(part, dict) else {}
        if fields.get("type") == "input_audio":
            raise ProtocolError("invalid_item", SEND_SOUND, name)
        if fields.get("type") != "input_text":
            raise ProtocolError("invalid_item", ONLY_TEXT, f"{name}.type")
        texts.append(checked_text(fields.get("text"), f"{name}.text", MAX_TEXT))
    # "root" is before the first item, so it is the end only if there are no items.
    if sent.get("previous_item_id") not in (None, last_id or "root"):
        raise ProtocolError("invalid_value", "Items are added at the end of the conversation.", "previous_item_id")
    item_id = item_id_of(item.get("id"), "item.id")
    return item_id, checked_text(" ".join(texts).strip(), "item.content", MAX_TEXT, required=True)


class Items:
    """Hold the items of one talk, in the state that its client last saw."""

    def __init__(self, stored: Iterable[Message] = ()) -> None:
        self._items: dict[str, Item] = {}
        for row in stored:
            if row.role == "user":
                item = user_item(row.wire_id, row.content, typed=not row.audio_key)
            else:
                item = message_item(row.wire_id, "assistant", [{"type": "output_audio", "transcript": row.content}])
            self._items[row.wire_id] = item

    def __getitem__(self, item_id: object) -> Item:
        """Return the item with this id. Raises ProtocolError if there is none."""
        if isinstance(item_id, str) and item_id in self._items:
            return self._items[item_id]
        raise ProtocolError("item_not_found", "There is no item of this id.", "item_id")

    def note(self, said: Event) -> None:
        """Update the items by an event that is sent to the client."""
        match said["type"]:
            case "conversation.item.added" | "conversation.item.done":
                self._items[said["item"]["id"]] = said["item"]
            case "conversation.item.truncated" | "conversation.item.input_audio_transcription.completed":
                if item := self._items.get(said["item_id"]):
                    words = said["transcript"]
                    parts = [part | {"text" if "text" in part else "transcript": words} for part in item["content"]]
                    self._items[said["item_id"]] = item | {"content": parts}
