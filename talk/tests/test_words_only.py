"""A learner who refuses recordings talks as before, and no sound is written anywhere."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.utils import timezone

from audio.encoding import BYTES_PER_SECOND
from audio.models import Recording
from conversations import preferences, store
from conversations.models import Message
from conversations.tests.browsers import nested, sound
from conversations.tests.shapes import said
from core.threads import in_thread
from engines.interface import Unheard
from talk.dialogue import Dialogue
from talk.tests import test_live_talk
from talk.tests.test_live_talk import LONDON, Begin, Line
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half
from tests.scripted import ScriptedEngine, answer
from tutor.domain import Correction, EngineError
from tutor.transcripts import Doubt

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

line = test_live_talk.line

SAID = "I live in London."
SPOKEN_MS = len(LONDON) / BYTES_PER_SECOND * 1000


def engine(**options: Any) -> ScriptedEngine:
    return ScriptedEngine("local", [answer(SAID, "I see. And then?")], **options)


async def refuse(learner: uuid.UUID) -> None:
    await in_thread(preferences.choose, learner, audio_refused_at=timezone.now())


async def messages(learner: uuid.UUID) -> list[Message]:
    found = await in_thread(store.get, learner, "talk")
    return found.messages if found else []


@pytest.fixture
def encodes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("Sound was encoded.")

    monkeypatch.setattr("audio.encoding.from_pcm", fail)


@pytest.fixture
def no_files(recordings_folder: Path, tmp_path: Path) -> Callable[[], bool]:
    """Return a function that tells whether neither the bucket nor the folder of recordings has a file."""
    return lambda: not [path for path in tmp_path.rglob("*") if path.is_file()]


async def has_no_recordings() -> bool:
    return not await in_thread(lambda: any(Recording.objects.using(each).exists() for each in ("local", "cloud")))


async def test_a_session_can_ask_for_words_only(line: Begin, encodes_nothing: None, no_files: Callable[[], bool]):
    begun: Line = await line(engine())
    await begun.update(talk={"keeps_audio": False})
    assert begun.one("session.updated")["session"]["talk"]["keeps_audio"] is False
    await begun.take_turn()
    assert await begun.stored() == [("user", SAID, False), ("assistant", "I see. And then?", False)]
    saved = [each for each in begun.sent if each["type"] == "talk.saved"]
    assert [(each["audioS3Key"], each["audioUrl"], each["duration"]) for each in saved] == [(None, None, None)] * 2
    assert begun.kinds("response.output_audio.delta")
    assert no_files()
    assert await has_no_recordings()


async def test_a_refusal_holds_for_each_talk(line: Begin, encodes_nothing: None, no_files: Callable[[], bool]):
    begun: Line = Line(engine())
    await refuse(begun.learner)
    await begun.begin()
    await begun.update(talk={"keeps_audio": True})
    assert begun.one("session.updated")["session"]["talk"]["keeps_audio"] is False
    await begun.take_turn()
    assert [has_sound for _, _, has_sound in await begun.stored()] == [False, False]
    assert no_files()
    await begun.talk.close()


async def test_a_refusal_during_a_talk_holds_from_the_next_turn_and_can_be_taken_back(line: Begin):
    begun: Line = await line(ScriptedEngine("local", [answer(SAID, "Yes?")] * 3))
    await begun.take_turn()
    await refuse(begun.learner)
    await begun.take_turn()
    await in_thread(preferences.choose, begun.learner, audio_refused_at=None)
    await begun.update(talk={"keeps_audio": True})
    await begun.take_turn()
    assert [has_sound for _, _, has_sound in await begun.stored()] == [True, True, False, False, True, True]


async def test_in_an_outage_the_session_is_enough(
    line: Begin, database: Half, bucket: Half, no_files: Callable[[], bool], encodes_nothing: None
):
    database.goes_down()
    caches["memory"].clear()
    begun: Line = await line(engine())
    await begun.update(talk={"keeps_audio": False})
    await begun.take_turn()
    assert [content for _, content, _ in await begun.stored()] == [SAID, "I see. And then?"]
    assert no_files()


async def test_feedback_counts_what_was_spoken_without_a_recording(line: Begin):
    begun: Line = await line(
        engine(corrects_aloud=False, corrections=(Correction("I live", "I lived", "", "tense", 0, 6),))
    )
    await begun.update(talk={"keeps_audio": False})
    await begun.take_turn()
    spoken, replied = await messages(begun.learner)
    assert spoken.corrections
    assert spoken.measured["spoken_ms"] == pytest.approx(SPOKEN_MS, abs=2000)
    assert spoken.measured["spoken_ms"] > 1000
    assert "spoken_ms" not in replied.measured
    stored = await in_thread(store.get, begun.learner, "talk")
    seconds = [each.seconds for each in Dialogue.of("talk", stored, "").lines]
    assert seconds == [spoken.measured["spoken_ms"] / 1000, None]


async def test_a_turn_that_cannot_be_transcribed_is_not_said_to_be_kept(line: Begin):
    begun: Line = await line(ScriptedEngine("local", [[Unheard(Doubt.NOT_ENGLISH), *answer("", "Pardon?")[1:]]]))
    await begun.update(talk={"keeps_audio": False})
    await begun.take_turn()
    message = begun.one("conversation.item.input_audio_transcription.failed")["error"]["message"]
    assert "kept as sound" not in message
    assert "say it again" in message


async def test_an_engine_that_fails_is_not_said_to_have_kept_the_sound(line: Begin):
    begun: Line = await line(ScriptedEngine("local", [[EngineError("It broke.", retryable=True)]]))
    await begun.update(talk={"keeps_audio": False})
    await begun.take_turn()
    notice = next(each for each in begun.sent if each["type"] == "talk.notice")
    assert "What you said is kept" not in notice["message"]
    assert "say it again" in notice["message"]


def test_a_refusal_holds_for_every_way_to_send_a_recording(owner: LearnerClient, no_files: Callable[[], bool]):
    chosen = owner.send("/api/privacy", {"keepsAudio": False}, method="PATCH").json()
    assert chosen["yours"]["keepsAudio"] is False
    talk = nested(messages=[said("One.", audioData=sound(0.2, 300.0))])
    (saved,) = owner.send("/api/conversations", talk).json()["conversation"]["messages"]
    assert (saved["content"], saved.get("audioS3Key")) == ("One.", None)
    added = owner.send(f"/api/conversations/{talk['id']}/messages", said("Two.", id="user-2", audioData=sound())).json()
    assert "audioS3Key" not in added["message"]
    (imported,) = owner.send("/api/import", {"entries": [talk | {"id": "another"}]}).json()["results"]
    assert (imported["state"], imported["added"]["recordings"]) == ("imported", 0)
    assert "no recordings are kept" in imported["lost"][0]["why"]
    assert no_files()
