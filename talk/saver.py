"""Save the turns of a talk in parallel with it: in order, in a thread, and never before the agent's voice is out."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from audio import encoding, quota, recordings, sound_threads
from audio.encoding import BYTES_PER_SECOND, Clip
from conversations import preferences, representations, store
from conversations.drafts import Draft
from conversations.error_messages import DELETED
from conversations.store import StoredConversation
from core import cloud, metrics
from core.json_types import Json
from core.threads import in_thread
from engines import vad
from talk.protocol import Event, event

logger = logging.getLogger(__name__)

SOUND_NOT_KEPT = "Until then what you say is kept as text, without its sound."
NOT_SAVED = "This turn could not be saved on the server. It is kept in this browser and will be sent again."
TALK_DELETED = f"{DELETED} Start a new one, or undo the deletion in the history."


@dataclass(slots=True)
class Save:
    """Hold a message on its way to the store.

    With None for `draft`, only the `columns` of the conversation are saved. `pcm` is the message's voice as PCM16 24 kHz, empty
    for a typed message. `answers` is the id of the turn that the message replies to, whose saving is measured. With `notifies`,
    the client gets a `talk.saved`. With `untrimmed`, the silence around the voice still has to be cut off.
    """

    draft: Draft | None
    pcm: bytes
    columns: Json
    answers: str | None = None
    notifies: bool = True
    untrimmed: bool = False
    # Set when it is put.
    keeps_audio: bool = True
    handed_over: float = field(default_factory=time.perf_counter)


class TurnSaver:
    """Save the turns of one talk, one after the other. `work` saves them, and yields a `talk.saved` for each."""

    def __init__(self, learner: uuid.UUID, conversation: str, engine: str, *, keeps_audio: bool = True) -> None:
        # The engine in use, for the metrics.
        self.engine = engine
        # False: only words are kept. What was said is encoded nowhere, and no store gets it.
        self.keeps_audio = keeps_audio
        self._learner, self._conversation = learner, conversation
        self._queue: asyncio.Queue[Save | str] = asyncio.Queue()
        # There is no room for sound, and the learner has had a notice of it.
        self._is_full = False
        # Id of a learner's turn → milliseconds from when it was handed over until it was durable.
        self._took: dict[str, int] = {}
        # Id of a learner's turn → what was measured of it and stays when it is saved again: `spoken_ms`, the milliseconds of a
        # voice without a recording, which feedback needs, and `uptake`.
        self._lasting: dict[str, Json] = {}

    async def keep_audio(self, wanted: bool) -> None:
        """Keep recordings if the client wants that and the learner has not refused it. Raises DatabaseError."""
        self.keeps_audio = wanted and (await in_thread(preferences.of, self._learner)).keeps_audio

    def put(self, save: Save) -> None:
        # What was said while recordings were refused stays without one, even if they are allowed by the time that it is saved.
        save.keeps_audio = self.keeps_audio
        self._queue.put_nowait(save)

    def drop(self, message: str) -> None:
        """Delete a message that was put before."""
        self._queue.put_nowait(message)

    async def settled(self) -> None:
        """Wait until every message is saved or given up, and the reader of `work` has handled its events."""
        await self._queue.join()

    async def work(self) -> AsyncGenerator[Event, None]:
        """Save the messages that `put` queues, for ever. Yield the events for the client: each success and each failure."""
        while True:
            job = await self._queue.get()
            try:
                for said in await self._done(job):
                    yield said
            finally:
                self._queue.task_done()

    async def _done(self, job: Save | str) -> list[Event]:
        try:
            if isinstance(job, Save):
                return await self._save(job)
            await in_thread(store.drop_message, self._learner, self._conversation, job)
            return []
        # The outermost loop of saving. After any failure, the client gets a notice and the next turn is saved.
        except Exception:
            logger.exception("A turn could not be saved.")
            return [_notice(job, "not_saved", NOT_SAVED)] if isinstance(job, Save) else []

    async def _save(self, save: Save) -> list[Event]:
        drafts: list[Draft] = []
        if draft := save.draft:
            # A reply stores how many milliseconds the saving of its turn took, if the turn is saved by now.
            if draft.measured is not None and save.answers in self._took:
                draft.measured["saved_ms"] = self._took[save.answers]
            if save.pcm and save.keeps_audio and self.keeps_audio:
                draft.audio = await sound_threads.in_thread(_encoded, save.pcm, draft.role, untrimmed=save.untrimmed)
            elif save.pcm and draft.role == "user":
                spoken = await sound_threads.in_thread(_trimmed, save.pcm, untrimmed=save.untrimmed)
                spoken_ms = round(len(spoken) / BYTES_PER_SECOND * 1000)
                self._lasting[draft.id] = {**self._lasting.get(draft.id, {}), "spoken_ms": spoken_ms}
            if draft.measured and "uptake" in draft.measured:
                uptake = draft.measured["uptake"]
                self._lasting[draft.id] = {**self._lasting.get(draft.id, {}), "uptake": uptake}
            if draft.id in self._lasting:
                draft.measured = {"engine": self.engine} | (draft.measured or {}) | self._lasting[draft.id]
            drafts = [draft]
        try:
            stored, full = await in_thread(_save, self._learner, self._conversation, drafts, save.columns)
        except store.ConversationDeleted:
            return [_notice(save, "deleted", TALK_DELETED)]
        said = []
        if draft and save.notifies:
            took = round((time.perf_counter() - save.handed_over) * 1000)
            # A second save of a turn is only a correction of it.
            if draft.role == "user" and draft.id not in self._took:
                self._took[draft.id] = took
                metrics.saved(self.engine, took / 1000)
            said.append(_saved(draft, stored, took))
        if full and not self._is_full:
            self._is_full = True
            said.append(_notice(save, "sound_not_kept", f"{full} {SOUND_NOT_KEPT}"))
        return said


def _trimmed(pcm: bytes, *, untrimmed: bool) -> bytes:
    return vad.without_silence(pcm) if untrimmed else pcm


def _encoded(pcm: bytes, role: str, *, untrimmed: bool) -> Clip:
    return encoding.from_pcm(_trimmed(pcm, untrimmed=untrimmed), synthetic=role == "assistant")


def _save(
    learner: uuid.UUID, conversation: str, drafts: Sequence[Draft], columns: Json
) -> tuple[StoredConversation, str]:
    """Save the drafts, without their sound if there is no room for it. Return what is stored, and the reason for it, else ""."""
    # Each save gets its own time limit, because the talk outlives the request that began it.
    with cloud.patience():
        try:
            return store.save(learner, conversation, columns=columns, messages=drafts, replace=False), ""
        except quota.QuotaExceeded as full:
            silent = [replace(draft, audio=None) for draft in drafts]
            return store.save(learner, conversation, columns=columns, messages=silent, replace=False), str(full)


def _notice(save: Save, code: str, message: str) -> Event:
    return event("talk.notice", code=code, item_id=save.draft.id if save.draft else None, message=message)


def _saved(draft: Draft, stored: StoredConversation, took_ms: int) -> Event:
    message = next(row for row in stored.messages if row.wire_id == draft.id)
    voice = stored.recordings.get(message.audio_key)
    return event(
        "talk.saved",
        item_id=draft.id,
        role=draft.role,
        **representations.where(stored.storage),
        audioS3Key=message.audio_key or None,
        audioUrl=recordings.link(voice) if voice else None,
        duration=round(voice.duration, 3) if voice else None,
        save_ms=took_ms,
    )
