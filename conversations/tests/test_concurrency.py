"""With real threads on real files, acknowledged data is stored, and no request fails."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connections

from audio.encoding import Clip
from audio.models import Recording
from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation, Message

pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)
LEARNER = uuid.uuid4()
AT = datetime(2024, 5, 1, tzinfo=UTC)


def at_once(*jobs: Callable[[], object]) -> list[Exception]:
    """Run all functions at the same time. Return the exceptions that they raised."""
    together, raised = threading.Barrier(len(jobs)), []

    def run(job: Callable[[], object]) -> None:
        together.wait()
        try:
            job()
        # The test checks them.
        except Exception as error:  # noqa: BLE001
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def saver(*messages: str, replace: bool = False, voice: bytes = b"") -> Callable[[], object]:
    audio = Clip(voice, "audio/webm", 1.0) if voice else None
    drafts = [Draft(each, "user", each, AT, audio=audio) for each in messages]
    return lambda: store.save(LEARNER, "conv-1", columns={}, messages=drafts, replace=replace)


def kept() -> set[str]:
    stored = store.get(LEARNER, "conv-1")
    return {message.content for message in stored.messages} if stored else set()


def test_turns_that_are_saved_at_once_are_all_kept() -> None:
    assert at_once(*[saver(f"user-{number}") for number in range(16)]) == []
    assert kept() == {f"user-{number}" for number in range(16)}


def test_the_same_conversation_saved_at_once_is_there_once() -> None:
    turns = [f"user-{number}" for number in range(100)]
    assert at_once(*[saver(*turns, replace=True) for _ in range(6)]) == []
    assert (Conversation.objects.using("local").count(), Message.objects.using("local").count()) == (1, 100)


def test_one_of_two_replacements_wins_whole() -> None:
    saver("a", "b", "c")()
    assert at_once(saver("a", "b", replace=True), saver("b", "c", replace=True)) == []
    assert kept() in ({"a", "b"}, {"b", "c"})


def test_the_same_voice_saved_at_once_is_kept_once(recordings_folder: Path) -> None:
    assert at_once(*[saver("user-1", voice=b"a voice") for _ in range(6)]) == []
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert [path.name for path in (recordings_folder / "audio").iterdir()] == [Path(stored.messages[0].audio_key).name]


def test_of_two_voices_for_one_turn_the_one_that_it_names_is_there(recordings_folder: Path) -> None:
    assert at_once(*[saver("user-1", voice=bytes([number])) for number in range(6)]) == []
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert list(stored.recordings) == [stored.messages[0].audio_key]
    assert (recordings_folder / stored.messages[0].audio_key).exists()
    assert Recording.objects.using("local").count() == 1


def test_a_deletion_while_turns_are_saved_leaves_nothing_half_deleted() -> None:
    saver("user-0")()
    raised = at_once(*[saver(f"user-{number}") for number in range(8)], lambda: store.delete(LEARNER, "conv-1"))
    assert all(isinstance(error, store.ConversationDeleted) for error in raised)
    assert store.is_deleted(LEARNER, "conv-1")


def test_conversations_of_many_learners_are_saved_at_once() -> None:
    learners = [uuid.uuid4() for _ in range(16)]
    draft = Draft("user-1", "user", "Hello.", AT)
    jobs = [lambda learner=each: store.save(learner, "c", columns={}, messages=[draft]) for each in learners]
    assert at_once(*jobs) == []
    assert all(store.get(each, "c") for each in learners)
