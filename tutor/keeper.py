"""Saving beside the talk: in order, in a thread, never before the voice."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from audio import encoding, recordings
from conversations import store, wire
from conversations.changes import Draft
from conversations.store import Stored
from conversations.threads import in_thread
from talking_agent import cloud, metrics
from tutor import listening
from tutor.protocol import Event, event

logger = logging.getLogger(__name__)

NOT_SAVED = "This turn could not be saved on the server. It is kept in this browser and will be sent again."
DELETED = "This conversation was deleted. Start a new one, or undo the deletion in the history."


@dataclass(slots=True)
class Save:
    """A message on its way to the store, with its voice as PCM16 24 kHz (empty: typed); None: the columns alone. `answers`:
    the turn that it answers, whose saving is measured. `is_told`: by a `talk.saved`. `untrimmed`: nobody has listened yet for
    where in it the voice is."""

    draft: Draft | None
    pcm: bytes
    columns: dict[str, Any]
    answers: str | None = None
    is_told: bool = True
    untrimmed: bool = False
    handed_over: float = field(default_factory=time.perf_counter)


class Keeper:
    """Saves the turns of one talk, one after the other, and says `talk.saved` for each."""

    def __init__(
        self, learner: uuid.UUID, conversation: str, engine: str, send: Callable[[Event], Awaitable[None]]
    ) -> None:
        self.engine = engine  # that talks now, for the metrics
        self._learner, self._conversation, self._send = learner, conversation, send
        self._queue: asyncio.Queue[Save | str] = asyncio.Queue()
        self._took: dict[str, int] = {}  # turn of the learner's → ms until it was durable, from when it was handed over
        self._worker = asyncio.create_task(self._work())

    def put(self, save: Save) -> None:
        self._queue.put_nowait(save)

    def drop(self, message: str) -> None:
        """Take back a message that was put before."""
        self._queue.put_nowait(message)

    async def settled(self) -> None:
        """Returns when all is saved, or told to be unsaved."""
        await self._queue.join()

    def close(self) -> None:
        self._worker.cancel()

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                await (self._drop(job) if isinstance(job, str) else self._save(job))
            except Exception:  # the outermost loop of saving: whatever happens, it is told and the next turn is saved
                logger.exception("A turn could not be saved.")
                if isinstance(job, Save):
                    await self._say(job, "not_saved", NOT_SAVED)
            finally:
                self._queue.task_done()

    async def _drop(self, message: str) -> None:
        await in_thread(store.drop_message, self._learner, self._conversation, message)

    async def _save(self, save: Save) -> None:
        self._complete(save)
        try:
            stored = await in_thread(_encode_and_save, self._learner, self._conversation, save)
        except store.Deleted:
            await self._say(save, "deleted", DELETED)
        else:
            if save.draft and save.is_told:
                took = round((time.perf_counter() - save.handed_over) * 1000)
                if save.draft.role == "user" and save.draft.id not in self._took:  # else it is mended
                    self._took[save.draft.id] = took
                    metrics.saved(self.engine, took / 1000)
                await self._send(_saved(save.draft, stored, took))

    def _complete(self, save: Save) -> None:
        """What an answer keeps of how long its turn took to be saved, if it is by now."""
        if save.draft and save.draft.measured is not None and save.answers in self._took:
            save.draft.measured["saved_ms"] = self._took[save.answers]

    async def _say(self, save: Save, code: str, message: str) -> None:
        item = save.draft.id if save.draft else None
        await self._send(event("talk.notice", code=code, item_id=item, message=message))


def _encode_and_save(learner: uuid.UUID, conversation: str, save: Save) -> Stored:
    drafts = [save.draft] if save.draft else []
    if save.pcm:
        pcm = listening.without_silence(save.pcm) if save.untrimmed else save.pcm
        drafts = [replace(draft, audio=encoding.from_pcm(pcm)) for draft in drafts]
    with cloud.patience():  # each save has its own: the talk outlives the request that began it
        return store.save(learner, conversation, columns=save.columns, messages=drafts, replace=False)


def _saved(draft: Draft, stored: Stored, took_ms: int) -> Event:
    message = next(row for row in stored.messages if row.wire_id == draft.id)
    voice = stored.recordings.get(message.audio_key)
    return event(
        "talk.saved",
        item_id=draft.id,
        role=draft.role,
        **wire.where(stored.storage),
        audioS3Key=message.audio_key or None,
        audioUrl=recordings.url(voice) if voice else None,
        duration=round(voice.duration, 3) if voice else None,
        save_ms=took_ms,
    )
