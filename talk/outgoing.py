"""Send a talk's events: those of the Realtime API to every client, `talk.*` to clients that ask for them."""

from collections.abc import Awaitable, Callable

from talk.items import Items
from talk.protocol import Event, ProtocolError, error, event

Send = Callable[[Event], Awaitable[None]]

MOST_HELD = 32
# Notices that every client gets, as errors if it has not asked for `talk.*`.
ESSENTIAL = {"taken_over", "deleted", "idle", "signed_out", "not_saved", "sound_not_kept"}


class Outgoing:
    """Send the events of one talk, and keep its items as the client last saw them.

    A client asks for `talk.*` events by sending its first `session.talk` or `talk.*` event.
    """

    def __init__(self, send: Send, items: Items) -> None:
        self.items = items
        self._send = send
        self._asked = False
        # Events that wait for the client's first event, which shows whether it asks for `talk.*`. None afterwards.
        self._held: list[Event] | None = []

    async def send(self, kind: str, /, **fields: object) -> None:
        await self.send_event(event(kind, **fields))

    async def send_event(self, said: Event) -> None:
        self.items.note(said)
        if self._asked or not said["type"].startswith("talk."):
            await self._send(said)
            return
        code = said.get("code") if said["type"] == "talk.notice" else None
        # A notice of code "engine" that names another engine says that the talk goes on, so nothing is lost.
        if code in ESSENTIAL or (code == "engine" and not said.get("engine")):
            await self._send(error(ProtocolError(said["code"], said["message"]), kind="server_error"))
        elif self._held is not None and len(self._held) < MOST_HELD:
            self._held.append(said)

    async def follow(self, sent: Event) -> None:
        """Note whether this event of the client asks for `talk.*` events."""
        held, self._held = self._held, None
        session = sent.get("session")
        has_talk = isinstance(session, dict) and isinstance(session.get("talk"), dict)
        self._asked = self._asked or sent["type"].startswith("talk.") or has_talk
        if self._asked:
            for said in held or ():
                await self._send(said)
