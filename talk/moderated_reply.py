"""Judge what both sides say in a reply, beside it, and replace an answer that must not be said.

No voice waits for a judgement. The word list judges each clause before it is passed on, in well under a millisecond. The service
of the engine's provider, if it has one, judges in parallel. When it finds something, the rest of the answer is replaced.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from audio.encoding import BYTES_PER_SECOND
from core import safe_traceback
from engines.interface import Event, Heard, Speech, Spoken, Thought, Unheard, Words
from talk.dialogue import Dialogue
from talk.fallback import FallbackSession
from talk.spoken_lines import spoken_lines
from tutor import moderation, redirection, safety
from tutor.moderation import Category

logger = logging.getLogger(__name__)

USER, ASSISTANT = "user", "assistant"
# Requests to the provider's service about one answer.
MOST_REQUESTS = 8
# Characters at the end of an answer that the word list looks at again with each new piece.
TAIL = 300

_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u2019\u201d)]*\s*$")


@dataclass(frozen=True, slots=True)
class Judged:
    """Report the judgement about the words of one side. `category` is None if nothing was found.

    The one about the learner's words comes before their `Heard` if the word list suffices. There is one about the agent's words
    only if something was found.
    """

    role: str
    category: Category | None


async def moderated(
    events: AsyncIterator[Event], fallback_session: FallbackSession, dialogue: Dialogue, *, hears: bool
) -> AsyncGenerator[Event | Judged, None]:
    """Yield the events of a reply, and `Judged` events among them. `hears` says that it will report the learner's words.

    The end of the answer waits for the judgements about it, no other event does.
    """
    reply = _Reply(events, fallback_session, dialogue, settled=not hears)
    try:
        while not (reply.replaced and reply.settled) and (happened := await reply.next()) is not None:
            async with aclosing(_followed(reply, happened)) as followed:
                async for each in followed:
                    yield each
        while judged := await reply.judgement():
            yield judged
    finally:
        await reply.close()


async def _followed(reply: "_Reply", happened: Event | Judged) -> AsyncGenerator[Event | Judged, None]:
    judged: Judged | None = None
    match happened:
        case Judged():
            judged = happened
            yield happened
        case Heard():
            reply.settled = True
            if judged := reply.judge_learner(happened):
                yield judged
            yield happened
        case Unheard():
            reply.settled = True
            yield happened
        case Words() | Speech() | Thought() | Spoken() if reply.replaced:
            pass
        case Words(text, joined):
            if reply.accepts(text, joined=joined):
                yield happened
        case Speech(pcm):
            reply.sent += len(pcm)
            yield happened
        case Spoken():
            reply.judge_all_of_answer()
            while late := await reply.judgement():
                async with aclosing(_followed(reply, late)) as followed:
                    async for each in followed:
                        yield each
            if not reply.replaced:
                reply.over = True
                yield happened
        case _:
            yield happened
    if judged and reply.has_to_replace(judged):
        async with aclosing(reply.replacement(judged)) as instead:
            async for each in instead:
                yield each


class _Reply:
    """Hold the events of a reply, and the judgements about it that are under way or were not passed on yet."""

    def __init__(
        self, events: AsyncIterator[Event], session: FallbackSession, dialogue: Dialogue, *, settled: bool
    ) -> None:
        # Settled: nothing more will be known of the learner's words. Over: all of the answer was passed on.
        self.settled, self.replaced, self.over = settled, False, False
        # Bytes of the answer's sound that were passed on.
        self.sent = 0
        self._events = cast(AsyncGenerator[Event, None], events)
        self._session, self._dialogue = session, dialogue
        self._heard = self._text = ""
        # Requests about the answer, and the length of it when it was last sent.
        self._requests = self._requested = 0
        self._coming: asyncio.Task[Event | None] | None = None
        self._judging: set[asyncio.Task[Judged | None]] = set()
        self._found: list[Judged] = []

    async def close(self) -> None:
        for task in self._judging:
            task.cancel()
        await self._close_events()

    async def _close_events(self) -> None:
        if self._coming:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)
            self._coming = None
        await self._events.aclose()

    # Judging

    def judge_learner(self, heard: Heard) -> Judged | None:
        """Judge the learner's words. Return the judgement, or None if the provider's service has to be asked.

        Only words that were certainly said count. Distress counts in any case.
        """
        self._heard = heard.certain
        category = moderation.found_in_learners(heard.certain)
        if safety.in_distress(heard.text):
            category = Category.SELF_HARM
        if category is None and heard.certain and self._session.engine.capabilities.moderates:
            self._request(USER, heard.certain)
            return None
        return Judged(USER, category)

    def accepts(self, text: str, *, joined: bool) -> bool:
        """Return whether the agent may say these words, as far as the word list knows. The provider may find more later."""
        self._text += text if joined else f" {text}"
        # The last word of a stream may go on.
        whole = self._text.rpartition(" ")[0] if joined else self._text
        if category := moderation.found(whole[-TAIL:]):
            self._found.append(Judged(ASSISTANT, category))
            return False
        if not joined or _SENTENCE_END.search(text):
            self._request_answer()
        return True

    def judge_all_of_answer(self) -> None:
        if category := moderation.found(self._text[-TAIL:]):
            self._found.append(Judged(ASSISTANT, category))
        else:
            self._request_answer()

    def _request_answer(self) -> None:
        if len(self._text) > self._requested and self._requests < MOST_REQUESTS:
            self._requested, self._requests = len(self._text), self._requests + 1
            self._request(ASSISTANT, self._text.strip())

    def _request(self, role: str, text: str) -> None:
        if self._session.engine.capabilities.moderates:
            self._judging.add(asyncio.create_task(self._judge(role, text)))

    async def _judge(self, role: str, text: str) -> Judged | None:
        try:
            found = await self._session.engine.moderate(text)
        # The outermost handler of a judgement. Its failure must not end the reply.
        except Exception as error:  # noqa: BLE001
            logger.error("Words were not judged: %s", safe_traceback.of(error))
            found = frozenset()
        # An agent that consoles a learner may speak of despair.
        category = moderation.gravest(found if role == USER else found - {Category.SELF_HARM})
        return Judged(role, category) if category or role == USER else None

    # Events and judgements, in the order in which they come

    async def next(self) -> Event | Judged | None:
        """Return the next event or judgement, None at the end of the events."""
        while not self._found:
            if self._coming is None and not self._judging:
                # Starting no task for it passes the event on without delay.
                return await anext(self._events, None)
            self._coming = self._coming or asyncio.ensure_future(anext(self._events, None))
            await self._wait(self._coming)
            if not self._found and self._coming.done():
                coming, self._coming = self._coming, None
                return coming.result()
        return self._found.pop(0)

    async def judgement(self) -> Judged | None:
        """Return the next judgement, None when all are known."""
        while self._judging and not self._found:
            await self._wait()
        return self._found.pop(0) if self._found else None

    async def _wait(self, *coming: asyncio.Task[Event | None]) -> None:
        """Wait for the first judgement under way, or the event that is coming."""
        await asyncio.wait({*coming, *self._judging}, return_when=asyncio.FIRST_COMPLETED)
        done = {task for task in self._judging if task.done()}
        self._judging -= done
        self._found += [judged for task in done if (judged := task.result())]

    # Replacing

    def has_to_replace(self, judged: Judged) -> bool:
        """Return whether something else has to be said now.

        The embedded engine answers the learner's words kindly by itself. An answer to a learner in distress that has begun is
        not cut off, because it may console.
        """
        if judged.category is None or self.replaced or self.over:
            return False
        if judged.role == ASSISTANT:
            return True
        has_begun = bool(self._text) and judged.category is Category.SELF_HARM
        return not (has_begun or self._session.engine.capabilities.embedded)

    async def replacement(self, judged: Judged) -> AsyncGenerator[Event, None]:
        """Stop the engine's answer, and yield what the agent says instead."""
        assert judged.category
        self.replaced = True
        logger.info("An answer was replaced (%s, %s).", judged.role, judged.category)
        await self._session.interrupt(self.sent * 1000 // BYTES_PER_SECOND)
        if self.settled:
            await self._close_events()
        brief, lines = self._dialogue.brief, self._dialogue.lines
        if judged.role == ASSISTANT:
            said = redirection.of_agent(brief, lines)
        else:
            said = redirection.of_learner(brief, lines, self._heard, judged.category)
        async with aclosing(spoken_lines(self._session.engine, said, self._session.speed)) as spoken:
            async for each in spoken:
                yield each
