"""Minimal pairs: the file, attempts by ear and by voice, and their trend."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audio import encoding
from conversations import store
from conversations.models import Message
from engines import forced_choice
from migration import drain
from practice import attempts, minimal_pairs
from practice.minimal_pairs import Pair
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half
from tests.sound import silence, spoken, white_noise
from tutor.toml_tables import DataFileError

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

SAYABLE = [pair for contrast in minimal_pairs.load().values() for pair in contrast.pairs if pair.can_be_said]


def chose(client: LearnerClient, meant: str, chosen: str, **more: object) -> Any:
    body = {"pair": "sheep-ship", "meant": meant, "chosen": chosen, **more}
    return client.send("/api/pairs/pairs-1/attempts", body)


def said(client: LearnerClient, pair: str, meant: str, pcm: bytes) -> Any:
    audio = SimpleUploadedFile("said.wav", encoding.from_pcm(pcm).data)
    return client.post("/api/pairs/pairs-1/attempts", {"pair": pair, "meant": meant, "audio": audio})


def trends(client: LearnerClient, contrast: str = "sheep-ship") -> Any:
    found = client.get("/api/pairs").json()["contrasts"]
    return next(each for each in found if each["id"] == contrast)


def test_pairs_are_listed_by_contrast(owner: LearnerClient):
    found = trends(owner)
    assert found["pairs"][0] == {"id": "sheep-ship", "words": ["sheep", "ship"], "canBeSaid": True}
    assert (found["hearing"], found["saying"]) == (None, None)
    assert all(pair["canBeSaid"] is False for pair in trends(owner, "bad-bed")["pairs"])


def test_a_choice_is_a_message_of_a_review(owner: LearnerClient):
    answer = chose(owner, "ship", "sheep", messageId="user-5")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["chosen"], answer.json()["asMeant"]) == ("sheep", False)
    stored = store.get(owner.learner, "pairs-1")
    assert stored
    assert stored.conversation.config == {"kind": "review", "topic": "Minimal pairs"}
    asked, own = stored.messages
    assert (asked.content, own.content) == ("I said one of “sheep” and “ship”. Which one?", "sheep")
    expected = {"contrast": "sheep-ship", "way": "hearing", "meant": "ship", "chosen": "sheep"}
    assert own.measured == {"pair": expected}
    # The history has talks only.
    assert owner.get("/api/conversations").json()["conversations"] == []


def test_the_trend_counts_each_attempt_once(owner: LearnerClient):
    for number, chosen in enumerate(["ship"] * 9 + ["sheep"]):
        for _ in range(2):
            chose(owner, "ship", chosen, messageId=f"user-{number}")
    found = trends(owner)["hearing"]
    assert (found["attempts"], found["asMeant"], found["share"]) == (10, 9, 0.9)
    assert found["low"] < 0.9 < found["high"]
    assert trends(owner)["saying"] is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"pair": "sheep-ship", "meant": "ship"}, "Send either `audio`"),
        ({"pair": "sheep-goat", "meant": "goat", "chosen": "goat"}, "pair: There is no such pair."),
        ({"pair": "sheep-ship", "meant": "goat", "chosen": "ship"}, "meant: Write one of"),
        ({"pair": "sheep-ship", "meant": "ship", "chosen": "goat"}, "chosen: Write one of"),
        ([], "The body must be a JSON object."),
    ],
)
def test_a_wrong_attempt_is_refused(owner: LearnerClient, body: Any, error: str):
    answer = owner.send("/api/pairs/pairs-1/attempts", body)
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    assert not Message.objects.using("local").exists()


def test_an_attempt_does_not_turn_a_talk_into_a_review(owner: LearnerClient):
    store.save(owner.learner, "talk", columns={"topic": "Travel"}, messages=[])
    answer = owner.send("/api/pairs/talk/attempts", {"pair": "sheep-ship", "meant": "ship", "chosen": "ship"})
    assert (answer.status_code, answer.json()) == (409, {"error": attempts.NOT_A_REVIEW})
    talk = store.get(owner.learner, "talk")
    assert talk
    assert (talk.conversation.topic, talk.messages) == ("Travel", [])


def test_an_outage_loses_no_attempt(database: Half, owner: LearnerClient):
    with database.outage():
        assert chose(owner, "ship", "ship").status_code == 200
    drain.drain()
    found = trends(owner)["hearing"]
    assert (found["attempts"], found["asMeant"]) == (1, 1)


def test_a_pair_that_the_recogniser_confuses_cannot_be_said(owner: LearnerClient):
    answer = said(owner, "bad-bed", "bad", silence(1))
    assert answer.status_code == 400
    assert "It can only be heard" in answer.json()["error"]


@pytest.mark.real
def test_the_word_that_was_said_is_heard(owner: LearnerClient):
    right = said(owner, "light-right", "right", silence(0.4) + spoken("right.") + silence(0.4))
    assert (right.status_code, right.json()["chosen"], right.json()["asMeant"]) == (200, "right", True), right.content
    assert right.json()["message"]["audioUrl"]
    other = said(owner, "light-right", "right", silence(0.4) + spoken("light.") + silence(0.4))
    assert (other.json()["chosen"], other.json()["asMeant"]) == ("light", False)
    found = trends(owner, "light-right")["saying"]
    assert (found["attempts"], found["asMeant"]) == (2, 1)


@pytest.mark.real
def test_silence_and_a_sentence_are_no_word(owner: LearnerClient):
    assert said(owner, "sheep-ship", "ship", silence(1)).status_code == 422
    sentence = spoken("My brother works in a big old bank in London, and he likes his work.")
    assert "only the word" in said(owner, "sheep-ship", "ship", sentence).json()["error"]
    assert said(owner, "sheep-ship", "ship", silence(20)).status_code == 400
    assert not Message.objects.using("local").exists()


@pytest.mark.real
def test_an_uncertain_attempt_counts_for_nothing(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("engines.forced_choice.SURE", 1e9)
    answer = said(owner, "light-right", "right", spoken("right.")).json()
    assert (answer["chosen"], answer["asMeant"], answer["message"]) == (None, None, None)
    assert trends(owner, "light-right")["saying"] is None


@pytest.mark.real
@pytest.mark.parametrize("pair", SAYABLE, ids=lambda pair: pair.id)
def test_both_words_of_a_pair_can_be_looked_up(pair: Pair):
    for word in pair.words:
        assert forced_choice.choose(white_noise(0.5), pair.words).word in pair.words, word


@pytest.mark.real
def test_the_embedded_voice_is_told_apart():
    """Sample the pairs that can be said. `bench/pairs.py` measures all of them."""
    trials = [(pair.words, word) for pair in SAYABLE[::4] for word in pair.words]
    found = [(word, forced_choice.choose(spoken(f"{word}."), words)) for words, word in trials]
    wrong = [(word, choice) for word, choice in found if choice.is_sure and choice.word != word]
    assert len(wrong) <= 0.05 * len(trials) + 1, wrong
    assert sum(choice.is_sure for _, choice in found) >= 0.75 * len(trials)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('pairs = ["sheep"]', "two different words"),
        ('pairs = ["ship ship"]', "two different words"),
        ('pairs = ["sheep ship!"]', "two different words"),
        ("", "only_heard"),
        ('pairs = ["a b", "a b"]', "twice"),
        ('pairs = ["a b"]\nlevel = "A1"', "not a known field"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: str):
    file = tmp_path / "minimal_pairs.toml"
    file.write_text(f'[[contrasts]]\nid = "x-y"\ntitle = "X"\nsounds = "x"\ntip = "t"\n{text}\n')
    monkeypatch.setattr(minimal_pairs, "_FILE", file)
    with pytest.raises(DataFileError, match=error):
        minimal_pairs.load.__wrapped__()
