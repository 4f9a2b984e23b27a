"""Request the replies of a talk, begin one ahead of a turn's end, and run one at a time."""

import time
from collections.abc import AsyncGenerator

from core import metrics
from engines import interface
from engines.interface import Heard
from talk.dialogue import Dialogue
from talk.fallback import FallbackSession
from talk.message_checks import Checks
from talk.moderated_reply import moderated
from talk.outgoing import Outgoing
from talk.preemptive import PreemptiveReply
from talk.reply import Reply
from talk.reply_events import Output
from talk.saver import TurnSaver
from talk.turn import Turn
from usage import budget, spending

# A pause that ends a turn lasts longer after the reply was begun, if the sound comes as it is spoken.
LIVE_AFTER_S = 0.3


class ReplyRunner:
    """Run the replies of one talk. `latest` is the latest one, None before the first."""

    def __init__(
        self, dialogue: Dialogue, fallback_session: FallbackSession, turn_saver: TurnSaver, outgoing: Outgoing
    ) -> None:
        self.latest: Reply | None = None
        self.checks = Checks(dialogue, fallback_session, turn_saver, outgoing)
        # Number of preemptive replies that were discarded.
        self.thrown_away = 0
        self._dialogue, self._fallback_session = dialogue, fallback_session
        self._turn_saver, self._outgoing = turn_saver, outgoing
        # The reply to the turn that is being spoken, begun in a short pause.
        self._ahead: PreemptiveReply | None = None
        # In seconds of time.monotonic().
        self._ahead_since = 0.0
        # The latest earlier reply that said something. A client may report an interruption of it when the next reply has begun.
        self._spoken: Reply | None = None

    @property
    def is_free(self) -> bool:
        """Return whether no reply is under way."""
        return self.latest is None or self.latest.done

    def speaking(self, item_id: object) -> Reply | None:
        """Return the reply with this item, if it is one of the two latest that said something."""
        return next((each for each in (self.latest, self._spoken) if each and each.speaks(item_id)), None)

    async def request(self, turn: Turn | None) -> PreemptiveReply:
        """Request a reply to a turn, or with None the agent's next line. The reply before it is finished first."""
        if self.latest and not self.latest.done:
            self.latest.stop()
            await self.latest.finished()
        if not budget.allows(self._fallback_session.engine.name):
            await self._fallback_session.return_if_rested()
        await self._fallback_session.bring_up_to(turn)
        events = self._fallback_session.reply(turn)
        hears = turn is not None
        return PreemptiveReply(moderated(events, self._fallback_session, self._dialogue, hears=hears), hears=hears)

    def begin(self, turn: Turn | None, preemptive: PreemptiveReply, output: Output) -> Reply:
        """Send and save a reply that was requested. `turn` is the turn that it replies to, if any."""
        if self.latest and self.latest.response:
            self._spoken = self.latest
        parts = self._dialogue, self._turn_saver, self.checks, self._outgoing
        self.latest = Reply(turn, preemptive, output, *parts)
        return self.latest

    async def send_truncated(self, item_id: str, heard_ms: int, text: str) -> None:
        kept = {"content_index": 0, "audio_end_ms": heard_ms, "transcript": text}
        await self._outgoing.send("conversation.item.truncated", item_id=item_id, **kept)

    # The reply that is begun ahead

    @property
    def words_ahead(self) -> str | None:
        """Return the words so far of the turn that is being spoken, None while they are being transcribed.

        Without a reply that was begun ahead, they are "". So they are when the sound comes faster than it was spoken: it
        leaves no time to transcribe it.
        """
        if self._ahead is None or self._ahead.is_transcribed:
            return self._ahead.heard if self._ahead else ""
        return None if time.monotonic() - self._ahead_since >= LIVE_AFTER_S else ""

    async def begin_ahead(self, turn: Turn) -> None:
        """Begin the reply to a turn that may be over, if the engine can and no reply is under way."""
        if self._fallback_session.engine.capabilities.supports_preemptive and not self._ahead and self.is_free:
            self._ahead, self._ahead_since = await self.request(turn), time.monotonic()

    def take_ahead(self) -> PreemptiveReply | None:
        """Return the reply that was begun ahead, because its turn is over."""
        ahead, self._ahead = self._ahead, None
        return ahead

    async def discard_ahead(self) -> None:
        """Discard the reply that was begun ahead, because the learner's words have changed."""
        if self._ahead:
            self.thrown_away += 1
            metrics.thrown_away(self._fallback_session.engine.name)
            await self.discard(self._ahead)
            self._ahead = None

    async def discard(self, preemptive: PreemptiveReply) -> None:
        await preemptive.discard()
        spending.count(self._fallback_session.engine.name, preemptive.used)

    async def close(self) -> None:
        """Stop the replies. The learner's words are still transcribed."""
        if self._ahead:
            await self._ahead.discard()
        if self.latest:
            self.latest.stop()


async def nothing(turn: Turn) -> AsyncGenerator[interface.Event, None]:
    """Reply to silence with nothing.

    It ends only when the client asks for a reply. Otherwise the talk would wait for a reply that is still to come.
    """
    yield Heard("")
    await turn.answer_wanted.wait()
