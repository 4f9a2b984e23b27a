"""Anki's own package imports the deck: notes, both voices, and updates that keep the schedule."""

import html
import json
import re
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest
from anki.consts import CARD_TYPE_REV, QUEUE_TYPE_REV
from anki.import_export_pb2 import ImportAnkiPackageUpdateCondition

from audio import encoding
from conversations import store
from conversations.drafts import Draft
from own_data import agent_voice, anki_deck, exporting
from own_data.models import Export
from own_data.tests.test_talk_files import body
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half
from tutor.domain import EngineError

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
UPDATE_ALWAYS = ImportAnkiPackageUpdateCondition.IMPORT_ANKI_PACKAGE_UPDATE_CONDITION_ALWAYS
TONE = (8000 * np.sin(np.arange(encoding.RATE) / 20)).astype("<i2").tobytes()
HOSTILE = "<script>alert(1)</script> [sound:/etc/passwd] {{Better}} \\(x\\) [latex]x[/latex] & [$]x[/$]"


@pytest.fixture
def tone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the agent's voice be a tone, and return the sentences that it has spoken."""
    spoken: list[str] = []

    def speak(learner: uuid.UUID, text: str) -> bytes:
        spoken.append(text)
        return TONE[: 20_000 + 2 * len(text)]

    monkeypatch.setattr(agent_voice, "speak", speak)
    return spoken


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """Open an empty collection of Anki."""
    found = Collection(str(tmp_path / "collection.anki2"))
    yield found
    found.close()


def practise(
    learner: uuid.UUID, talk: str = "talk-1", *, why: str = "After “he”, the verb takes -s.", after: int = 0
) -> None:
    at = AT + timedelta(days=after)
    mistake = {"said": "he work", "better": "he works", "why": why, "category": "agreement", "start": 14, "end": 21}
    words = "My brother … he work in a bank. I like it."
    mistake |= {"start": words.index("he work"), "end": words.index("he work") + 7}
    drafts = [
        Draft(f"ai-{talk}", "assistant", "What does your brother do?", at),
        Draft(f"user-{talk}", "user", words, at, audio=encoding.from_pcm(TONE), corrections=[mistake]),
    ]
    store.save(learner, talk, columns={"title": "Family", "timestamp": at}, messages=drafts)


def deck_of(client: LearnerClient, path: Path, **order: str) -> Path:
    """Order a deck, let it be made, and download it."""
    assert client.send("/api/me/anki", order).status_code == 202
    exporting.work()
    export = client.get("/api/me/anki").json()["export"]
    assert export["state"] == "done", export
    answer = client.get("/api/me/anki/file")
    assert answer.headers["Content-Disposition"].endswith('.apkg"')
    path.write_bytes(body(answer))
    assert path.stat().st_size == export["size"]
    return path


def imported(collection: Collection, path: Path) -> Any:
    options = ImportAnkiPackageOptions(merge_notetypes=True, with_scheduling=False)
    return collection.import_anki_package(ImportAnkiPackageRequest(package_path=str(path), options=options)).log


def fields(collection: Collection) -> list[dict[str, str]]:
    return [dict(collection.get_note(note).items()) for note in collection.find_notes("")]


def test_anki_imports_the_mistakes_with_both_voices(
    owner: LearnerClient, tone: list[str], collection: Collection, tmp_path: Path
) -> None:
    practise(owner.learner)
    log = imported(collection, deck_of(owner, tmp_path / "deck.apkg"))
    assert (len(log.new), len(log.updated)) == (1, 0)
    (note,) = fields(collection)
    assert note["Said"] == "My brother … he work in a bank."
    assert note["Better"] == "My brother … he works in a bank."
    assert note["Question"] == "What does your brother do?"
    assert tone == [note["Better"]]
    assert collection.decks.by_name(anki_deck.DECK)
    # Anki finds each sound in its folder, and nothing is missing or unused.
    names = [re.fullmatch(r"\[sound:(.+)\]", note[field])[1] for field in ("My voice", "Agent's voice")]  # type: ignore[index]
    assert len(set(names)) == 2
    checked = collection.media.check()
    assert (list(checked.missing), list(checked.unused)) == ([], [])
    for name in names:
        with av.open(str(Path(collection.media.dir()) / name)) as sound:
            assert sound.format.name == "mp3"
            assert sum(frame.samples for frame in sound.decode(sound.streams.audio[0])) > 5000
    card = collection.get_card(collection.find_cards("")[0])
    assert "Say it right." in card.question()
    assert (len(card.question_av_tags()), len(card.answer_av_tags())) == (1, 1)


def test_a_second_import_updates_and_keeps_the_schedule(
    owner: LearnerClient, tone: list[str], collection: Collection, tmp_path: Path
) -> None:
    practise(owner.learner)
    imported(collection, deck_of(owner, tmp_path / "first.apkg"))
    card = collection.get_card(collection.find_cards("")[0])
    card.ivl, card.type, card.queue, card.due = 30, CARD_TYPE_REV, QUEUE_TYPE_REV, 100
    collection.update_card(card)
    # The same mistake in a later talk, with a better reason.
    practise(owner.learner, "talk-2", why="He works.", after=1)
    # Anki updates a note only if the deck is from a later second.
    time.sleep(1.1)
    second = deck_of(owner, tmp_path / "second.apkg")
    with zipfile.ZipFile(second) as file:
        assert json.loads(file.read("media"))
    options = ImportAnkiPackageOptions(merge_notetypes=True, update_notes=UPDATE_ALWAYS)
    request = ImportAnkiPackageRequest(package_path=str(second), options=options)
    log = collection.import_anki_package(request).log
    assert (len(log.new), len(log.updated)) == (0, 1)
    (note,) = fields(collection)
    assert note["Why"] == "He works."
    assert collection.get_card(card.id).ivl == 30


def test_no_word_becomes_markup_in_anki(
    owner: LearnerClient, tone: list[str], collection: Collection, tmp_path: Path
) -> None:
    mistake = {"said": HOSTILE, "better": HOSTILE + "!", "why": HOSTILE, "category": "verb"}
    drafts = [Draft("a", "assistant", HOSTILE, AT), Draft("u", "user", HOSTILE, AT, corrections=[mistake])]
    store.save(owner.learner, "talk-1", columns={"title": HOSTILE[:200], "timestamp": AT}, messages=drafts)
    imported(collection, deck_of(owner, tmp_path / "deck.apkg"))
    card = collection.get_card(collection.find_cards("")[0])
    assert "<script" not in card.answer()
    assert "&lt;script&gt;" in card.answer()
    assert [tag.filename for tag in card.question_av_tags()] == []  # type: ignore[union-attr]
    assert len(card.answer_av_tags()) == 1
    seen = html.unescape(card.question()).replace("\u2060", "")
    assert HOSTILE in seen


def test_a_deck_of_one_talk_has_only_its_mistakes(
    owner: LearnerClient, tone: list[str], collection: Collection, tmp_path: Path
) -> None:
    practise(owner.learner)
    mistake = {"said": "informations", "better": "information", "why": "", "category": "noun", "start": 2, "end": 14}
    other = Draft("u", "user", "I informations", AT, corrections=[mistake])
    store.save(owner.learner, "talk-2", columns={"timestamp": AT}, messages=[other])
    imported(collection, deck_of(owner, tmp_path / "one.apkg", conversation="talk-2"))
    assert [note["Better"] for note in fields(collection)] == ["I information"]
    log = imported(collection, deck_of(owner, tmp_path / "all.apkg"))
    assert (len(log.new), collection.note_count()) == (1, 2)


def test_a_talk_of_another_learner_has_no_deck(owner: LearnerClient, outsider: LearnerClient, tone: list[str]) -> None:
    practise(owner.learner)
    assert outsider.send("/api/me/anki", {"conversation": "talk-1"}).status_code == 404
    assert outsider.get("/api/me/anki/file").status_code == 404


def test_without_the_agents_voice_there_are_notes(
    owner: LearnerClient, monkeypatch: pytest.MonkeyPatch, collection: Collection, tmp_path: Path
) -> None:
    asked = []

    def fails(learner: uuid.UUID, text: str) -> bytes:
        asked.append(text)
        raise EngineError("No voice.")

    monkeypatch.setattr(agent_voice, "speak", fails)
    words = [f"word{number}s" for number in range(9)]
    drafts = [
        Draft(
            f"u{word}",
            "user",
            word,
            AT,
            corrections=[{"said": word, "better": word[:-1], "why": "", "category": "noun"}],
        )
        for word in words
    ]
    store.save(owner.learner, "talk-1", columns={"timestamp": AT}, messages=drafts)
    imported(collection, deck_of(owner, tmp_path / "deck.apkg"))
    assert (collection.note_count(), len(asked)) == (9, anki_deck.MOST_FAILURES)


def test_a_deck_and_the_export_of_everything_stay_beside_each_other(owner: LearnerClient, tone: list[str]) -> None:
    practise(owner.learner)
    owner.post("/api/me/export")
    owner.send("/api/me/anki", {})
    exporting.work()
    assert {owner.get(f"/api/me/{each}").json()["export"]["state"] for each in ("export", "anki")} == {"done"}
    exporting.remove(owner.learner)
    assert not Export.objects.using("local").exists()
    assert list(exporting.path_of(Export()).parent.iterdir()) == []


def test_without_the_bucket_a_deck_fails(owner: LearnerClient, tone: list[str], database: Half, bucket: Half) -> None:
    practise(owner.learner)
    with bucket.outage():
        owner.send("/api/me/anki", {})
        exporting.work()
    assert bucket.breaker.name in owner.get("/api/me/anki").json()["export"]["error"]


@pytest.mark.real
def test_the_embedded_voice_speaks(owner: LearnerClient, collection: Collection, tmp_path: Path, settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"
    practise(owner.learner)
    imported(collection, deck_of(owner, tmp_path / "deck.apkg"))
    (note,) = fields(collection)
    name = re.fullmatch(r"\[sound:(.+)\]", note["Agent's voice"])[1]  # type: ignore[index]
    spoken = np.frombuffer(encoding.to_pcm((Path(collection.media.dir()) / name).read_bytes()), "<i2")
    # Seven words.
    assert 1.0 < len(spoken) / encoding.RATE < 6.0
    assert np.abs(spoken).max() > 3000
