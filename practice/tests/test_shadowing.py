"""Sentences to say after the agent: where they come from, and how an attempt is compared."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile

from audio import encoding
from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation
from learning import talk_mistakes
from practice import shadowing, shadowing_views
from talk import call_with_fallback
from tests.clients import LearnerClient
from tests.scripted import ScriptedEngine
from tutor import scenario
from tutor.transcripts import Doubt, Transcript

pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
CLIP = Path("tests/speech/learner_london.wav")


def heard(sentence: str, said: str | Transcript) -> str:
    """Return the sentence with a dot before each word that was not heard."""
    transcript = said if isinstance(said, Transcript) else Transcript(said)
    return " ".join(("" if word.heard else ".") + word.text for word in shadowing.compare(sentence, transcript))


@pytest.mark.parametrize(
    ("sentence", "said", "expected"),
    [
        ("He works in a bank.", "he works in a bank", "He works in a bank."),
        ("He works in a bank.", "he work in a bank", "He .works in a bank."),
        ("He works in a bank.", "", ".He .works .in .a .bank."),
        ("I don't know.", "I do not know", "I don't know."),
        ("I do not know.", "I don't know!", "I do not know."),
        ("It\u2019s twenty past 7.", "It's 20 past seven", "It\u2019s twenty past 7."),
        ("Well \u2013 maybe.", "well maybe", "Well \u2013 maybe."),
        ("A well-known song", "a well known song", "A well-known song"),
        ("the cat and the dog", "the dog", ".the .cat .and the dog"),
        ("I like tea.", "I uh like green tea", "I like tea."),
    ],
)
def test_words_are_compared_in_their_order(sentence: str, said: str, expected: str) -> None:
    assert heard(sentence, said) == expected


def test_words_in_doubt_are_not_heard_and_not_wrong() -> None:
    unsure = Transcript("he works in a bank", -0.6, Doubt.WORDS, ((3, 8),))
    assert heard("He works in a bank.", unsure) == "He .works in a bank."
    misheard = Transcript("he works in a bank", -1.5, Doubt.MISHEARD, ((0, 18),))
    assert heard("He works in a bank.", misheard) == ".He .works .in .a .bank."


def test_a_text_is_cut_into_bounded_sentences() -> None:
    assert shadowing.of_text("Hello, Dr. Smith. How are you?\n\n- \n…") == ["Hello, Dr. Smith.", "How are you?"]
    found = shadowing.of_text(" ".join(f"This is sentence number {number}." for number in range(500)))
    assert len(found) == shadowing.MOST_SENTENCES
    (cut, *_) = shadowing.of_text("and so on " * 100)
    assert len(cut) <= shadowing.LONGEST_SENTENCE


@pytest.mark.parametrize("each", scenario.load_all().values(), ids=lambda each: each.id)
def test_each_scenario_has_lines_without_slots(each: scenario.Scenario) -> None:
    found = shadowing.of_scenario(each)
    assert len(found) >= 10
    assert not any("{" in sentence for sentence in found)


def talk(learner: uuid.UUID) -> None:
    mistake = {"said": "he work", "better": "he works", "why": "", "category": "agreement", "start": 12, "end": 19}
    words = "My brother, he work in a bank. I like it."
    drafts = [Draft("u", "user", words, AT, corrections=[mistake])]
    store.save(learner, "talk-1", columns={"timestamp": AT}, messages=drafts)


def test_the_learners_own_sentences_are_corrected(owner: LearnerClient, outsider: LearnerClient) -> None:
    talk(owner.learner)
    assert owner.get("/api/shadowing/sentences").json() == {"sentences": ["My brother, he works in a bank."]}
    assert outsider.get("/api/shadowing/sentences").json() == {"sentences": []}


def test_what_may_have_been_misheard_is_no_sentence_to_say(owner: LearnerClient) -> None:
    mistake = {"said": "he work", "better": "he works", "why": "", "category": "agreement"}
    measured = {"doubt": "misheard", "confidence": -0.9, "unsure": []}
    draft = Draft("u", "user", "My brother, he work.", AT, corrections=[mistake], measured=measured)
    store.save(owner.learner, "talk-1", columns={"timestamp": AT}, messages=[draft])
    assert owner.get("/api/shadowing/sentences").json() == {"sentences": []}


def test_a_report_takes_all_mistakes_of_its_kind_out(owner: LearnerClient) -> None:
    talk(owner.learner)
    again = {"said": "work", "better": "works", "why": "", "category": "agreement", "disputed": 1714521600000}
    draft = Draft("u", "user", "She work.", AT + timedelta(days=1), corrections=[again])
    store.save(owner.learner, "talk-2", columns={"timestamp": AT + timedelta(days=1)}, messages=[draft])
    assert owner.get("/api/shadowing/sentences").json() == {"sentences": []}


def test_only_the_newest_talks_are_read(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(owner.learner)
    monkeypatch.setattr(talk_mistakes, "PAGE", 1)
    monkeypatch.setattr(shadowing, "MOST_TALKS", 2)
    later = AT + timedelta(days=1)
    for number in range(2):
        draft = Draft("u", "user", "Hello.", later)
        store.save(owner.learner, f"new-{number}", columns={"timestamp": later}, messages=[draft])
    assert owner.get("/api/shadowing/sentences").json() == {"sentences": []}
    monkeypatch.setattr(shadowing, "MOST_TALKS", 3)
    assert len(owner.get("/api/shadowing/sentences").json()["sentences"]) == 1


def test_the_lines_of_a_scenario_are_served(owner: LearnerClient) -> None:
    found = owner.get("/api/shadowing/sentences?scenario=travel").json()["sentences"]
    assert found[:1] == shadowing.of_scenario(scenario.load_all()["travel"])[:1]
    assert owner.get("/api/shadowing/sentences?scenario=nowhere").status_code == 404


def test_a_text_that_a_learner_brings_is_not_kept(owner: LearnerClient) -> None:
    answer = owner.send("/api/shadowing/brought", {"text": "One. Two three."})
    assert answer.json() == {"sentences": ["One.", "Two three."]}
    assert answer.headers["Cache-Control"] == "no-store"
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"), [({}, 400), ({"text": "…"}, 422), ({"text": "a" * 20_001}, 400), ({"text": 5}, 400), ([], 400)]
)
def test_a_wrong_text_is_refused(owner: LearnerClient, body: Any, code: int) -> None:
    answer = owner.send("/api/shadowing/brought", body)
    assert answer.status_code == code
    assert answer.json()["error"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    found = ScriptedEngine("local", [])
    monkeypatch.setattr(call_with_fallback, "engines", lambda: [found])
    return found


@pytest.mark.parametrize(("pace", "speed"), [("normal", 1.0), ("slow", 0.75), ("slower", 0.55)])
def test_the_agent_speaks_at_three_paces(owner: LearnerClient, engine: ScriptedEngine, pace: str, speed: float) -> None:
    answer = owner.send("/api/shadowing/speech", {"text": "He works in a bank.", "pace": pace})
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert engine.spoken == [("He works in a bank.", speed)]


def test_an_unknown_pace_is_refused(owner: LearnerClient, engine: ScriptedEngine) -> None:
    assert owner.send("/api/shadowing/speech", {"text": "Hi.", "pace": "fastest"}).status_code == 400
    assert owner.send("/api/shadowing/speech", {"text": "…"}).status_code == 400


def attempted(client: LearnerClient, sound: bytes, sentence: str = "My brother has gone to London.") -> Any:
    return client.post("/api/shadowing/attempts", {"sentence": sentence, "audio": SimpleUploadedFile("a.wav", sound)})


def test_a_sound_that_is_none_or_too_long_is_refused(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempted(owner, b"no sound").status_code == 400
    assert attempted(owner, b"").status_code == 400
    monkeypatch.setattr(encoding, "MAX_BYTES", 1000)
    assert attempted(owner, CLIP.read_bytes()).status_code == 413
    monkeypatch.undo()
    monkeypatch.setattr(shadowing_views, "LONGEST_ATTEMPT", 1)
    assert "longer than 1 seconds" in attempted(owner, CLIP.read_bytes()).json()["error"]


@pytest.mark.real
def test_an_attempt_is_heard_by_the_real_ear(owner: LearnerClient, settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"
    found = attempted(owner, CLIP.read_bytes(), "My brother has gone to London last week.").json()
    said = {word["text"] for word in found["words"] if word["heard"]}
    assert {"brother", "London", "week."} <= said, json.dumps(found)
    # The learner said "went".
    assert "gone" not in said
    silence = encoding.from_pcm(bytes(encoding.BYTES_PER_SECOND)).data
    assert attempted(owner, silence).status_code == 422
    assert not Conversation.objects.exists()


@pytest.mark.real
def test_the_words_of_a_sound_file_become_sentences(owner: LearnerClient, settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"
    answer = owner.post("/api/shadowing/brought", {"audio": SimpleUploadedFile("a.wav", CLIP.read_bytes())})
    (sentence,) = answer.json()["sentences"]
    assert "London" in sentence


@pytest.mark.real
def test_a_slower_voice_is_slower_and_keeps_its_pitch(owner: LearnerClient, settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"

    def spoken(pace: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        answer = owner.send("/api/shadowing/speech", {"text": "My brother works in a bank in London.", "pace": pace})
        pcm = encoding.to_pcm(b"".join(_all(answer)))
        return np.frombuffer(pcm, "<i2").astype(np.float64)

    def pitch(samples: Any) -> float:
        """Return the median pitch in Hz, by autocorrelation of voiced pieces of 40 ms."""
        found = []
        for start in range(0, len(samples) - 960, 480):
            piece = samples[start : start + 960] - samples[start : start + 960].mean()
            if np.sqrt((piece**2).mean()) < 800:
                continue
            correlation = np.correlate(piece, piece, "full")[959:]
            lag = 60 + int(np.argmax(correlation[60:400]))
            if correlation[lag] > 0.5 * correlation[0]:
                found.append(encoding.RATE / lag)
        return float(np.median(found))

    normal, slower = spoken("normal"), spoken("slower")
    assert len(slower) > 1.4 * len(normal)
    assert abs(pitch(slower) / pitch(normal) - 1) < 0.15


def _all(answer: Any) -> list[bytes]:
    async def read() -> list[bytes]:
        return [piece async for piece in answer.streaming_content]

    return async_to_sync(read)()
