"""Hold the latest requested replies, and find the one that an event of the provider belongs to."""

from collections import deque

from engines.openai.realtime import ServerEvent
from engines.openai_realtime.pending_response import Ask

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

    # Turns whose end the provider has detected, and which it answers by itself

    def detect(self, item_id: str) -> Ask:
        ask = self.new()
        ask.item_id = item_id
        self._detected.append(ask)
        return ask

    def take_detected(self) -> Ask | None:
        return self._detected.popleft() if self._detected else None

    def drop_detected(self, ask: Ask) -> bool:
        """Drop a detected turn. Returns False if its reply was requested already."""
        if ask not in self._detected:
            return False
        self._detected.remove(ask)
        return True

    # Finding a reply

    def open(self) -> list[Ask]:
        """Return the replies that a caller waits for or may still request, the oldest first."""
        return [ask for ask in self._latest if not ask.left and not (ask.done and ask.settled)]

    def asked(self) -> list[Ask]:
        """Return the replies that were requested and not left."""
        return [ask for ask in self._latest if ask.lines is not None and not ask.left]

    def waiting(self) -> list[Ask]:
        return [ask for ask in self._latest if ask.waits]

    def of_response(self, response_id: str) -> Ask | None:
        return next((ask for ask in reversed(self._latest) if ask.response_id == response_id), None)

    def of_item(self, item_id: str) -> Ask | None:
        """Return the reply to the learner's words with this item id."""
        return next((ask for ask in reversed(self._latest) if ask.item_id == item_id), None)

    def of_number(self, number: str) -> Ask | None:
        return next((ask for ask in self._latest if str(ask.number) == number), None)

    def of_commit(self) -> Ask | None:
        """Return the oldest reply whose audio has no item id from the provider yet."""
        return next((ask for ask in self._latest if ask.pcm and not (ask.item_id or ask.settled)), None)

    def of_new_response(self, response: ServerEvent) -> Ask | None:
        """Return the reply that a new response belongs to.

        A response that we requested carries the reply's number. One that the provider began by itself answers the
        latest turn.
        """
        number = (response.get("metadata") or {}).get("ask")
        if number is not None:
            return self.of_number(str(number))
        return next((ask for ask in reversed(self._latest) if not (ask.response_id or ask.done)), None)

    def last_answer(self) -> Ask | None:
        """Return the latest reply whose answer has begun."""
        return next((ask for ask in reversed(self._latest) if ask.begun), None)

    def blocked(self) -> Ask | None:
        """Return a reply that waits because another response was active."""
        return next((ask for ask in self._latest if ask.blocked and ask.waits), None)

    def is_spoken(self) -> bool:
        """Return whether a response is under way."""
        return any(ask.is_spoken for ask in self._latest)

    def forget_session(self) -> None:
        """Forget the ids of the old session, because a new one has begun."""
        for ask in self._latest:
            ask.item_id = ask.response_id = ""
            ask.items.clear()
            ask.blocked = False
            if not ask.waits:
                ask.pcm = bytearray()
