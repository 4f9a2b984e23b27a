"""The latest replies that were asked for, and which of them an event of the provider's belongs to."""

from collections import deque
from typing import Any

from tutor.engines.openai_realtime.ask import Ask

REMEMBERED = 8


class Asks:
    def __init__(self) -> None:
        self._latest: deque[Ask] = deque(maxlen=REMEMBERED)
        self._detected: deque[Ask] = deque()
        self._number = 0

    def new(self) -> Ask:
        self._number += 1
        ask = Ask(self._number)
        self._latest.append(ask)
        return ask

    # Turns whose end the provider has found, and which it answers by itself

    def detect(self, item_id: str) -> Ask:
        ask = self.new()
        ask.item_id = item_id
        self._detected.append(ask)
        return ask

    def take_detected(self) -> Ask | None:
        return self._detected.popleft() if self._detected else None

    def drop_detected(self, ask: Ask) -> bool:
        """False if somebody has asked for it."""
        if ask not in self._detected:
            return False
        self._detected.remove(ask)
        return True

    # Whose is it?

    def open(self) -> list[Ask]:
        """Those that somebody waits for, or may ask for; the oldest first."""
        return [ask for ask in self._latest if not ask.left and not (ask.done and ask.settled)]

    def asked(self) -> list[Ask]:
        """Those that somebody has asked for, and did not leave."""
        return [ask for ask in self._latest if ask.lines is not None and not ask.left]

    def waiting(self) -> list[Ask]:
        return [ask for ask in self._latest if ask.waits]

    def of_response(self, response_id: Any) -> Ask | None:
        return next((ask for ask in reversed(self._latest) if ask.response_id == response_id), None)

    def of_item(self, item_id: Any) -> Ask | None:
        """By what the learner said."""
        return next((ask for ask in reversed(self._latest) if ask.item_id == item_id), None)

    def of_number(self, number: str) -> Ask | None:
        return next((ask for ask in self._latest if str(ask.number) == number), None)

    def of_commit(self) -> Ask | None:
        """The oldest that has sound of which the provider has not said yet what item it is."""
        return next((ask for ask in self._latest if ask.pcm and not (ask.item_id or ask.settled)), None)

    def of_new_response(self, response: dict[str, Any]) -> Ask | None:
        """By its number, where we asked for the response. What the provider begins by itself answers the latest turn."""
        number = (response.get("metadata") or {}).get("ask")
        if number is not None:
            return self.of_number(str(number))
        return next((ask for ask in reversed(self._latest) if not (ask.response_id or ask.done)), None)

    def last_answer(self) -> Ask | None:
        """The latest that has begun."""
        return next((ask for ask in reversed(self._latest) if ask.begun), None)

    def blocked(self) -> Ask | None:
        """What another response was in the way of."""
        return next((ask for ask in self._latest if ask.blocked and ask.waits), None)

    def is_spoken(self) -> bool:
        """A response is under way."""
        return any(ask.is_spoken for ask in self._latest)

    def forget_session(self) -> None:
        """What the provider called things, for it is another session now."""
        for ask in self._latest:
            ask.item_id = ask.response_id = ""
            ask.items.clear()
            ask.blocked = False
            if not ask.waits:
                ask.pcm = bytearray()
