"""A talk handles the events of a scripted engine at any time, without a connection."""

import asyncio
import base64
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from conversations import store
from conversations.store import StoredConversation
from core.threads import in_thread
from engines.interface import Heard, Speech, SpeechStarted, Spoken, TurnDetectionLost, TurnEnded, Unheard, Words
from talk.dialogue import Dialogue
from talk.live_talk import LiveTalk, open_talk
from talk.protocol import Event
from talk.turn import Turn
from tests.scripted import SOUND, ScriptedEngine, ScriptedSession, answer
from tests.talking import spoken
from tutor.domain import Correction, EngineError
from tutor.transcripts import Doubt

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

LONDON = spoken("learner_london")
BROKEN = EngineError("It broke.", retryable=True)


class Line:
    """Hold a talk and the events that it sends."""

    def __init__(self, *engines: ScriptedEngine) -> None:
        self.learner, self.sent = uuid.uuid4(), list[Event]()
        self.engines = engines
        self.watch: Callable[[Event], Any] = lambda event: None  # is shown each event as it is sent
        self.talk: LiveTalk

    async def begin(self) -> None:
        """Begin the talk, as a client that knows `talk.*` events."""
        self.talk = await open_talk(
            learner=self.learner,
            conversation="talk",
            engines=self.engines,  # type: ignore[arg-type]  # what needs no talk is not scripted
            send=self._send,
        )
        await self.talk.receive({"type": "talk.hint"})
        self.sent.clear()

    async def _send(self, event: Event) -> None:
        self.watch(event)
        self.sent.append(event)

    async def update(self, **session: Any) -> None:
        await self.talk.receive({"type": "session.update", "session": session})

    async def append(self, pcm: bytes) -> None:
        await self.talk.receive({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})

    async def take_turn(self, pcm: bytes = LONDON) -> None:
        await self.append(pcm)
        await self.talk.receive({"type": "input_audio_buffer.commit"})
        await self.talk.receive({"type": "response.create"})
        await self.talk.settled()

    def kinds(self, *kinds: str) -> list[str]:
        return [event["type"] for event in self.sent if event["type"] in kinds]

    def one(self, kind: str) -> Event:
        (event,) = [event for event in self.sent if event["type"] == kind]
        return event

    async def stored(self) -> list[tuple[str, str, bool]]:
        """Return role, text and whether there is a recording, for each message."""
        found: StoredConversation | None = await in_thread(store.get, self.learner, "talk")
        return [(row.role, row.content, bool(row.audio_key)) for row in found.messages] if found else []

    @property
    def session(self) -> ScriptedSession:
        return self.engines[-1].sessions[-1]


@pytest.fixture
async def line() -> Any:
    lines: list[Line] = []

    async def begin(*engines: ScriptedEngine) -> Line:
        lines.append(Line(*engines))
        await lines[-1].begin()
        return lines[-1]

    yield begin
    async with asyncio.timeout(60):
        for each in lines:
            await each.talk.close()


Begin = Callable[..., Any]


async def test_a_late_transcript_comes_before_its_answer(line: Begin):
    late = [Words("Nice"), Speech(SOUND), Words("!", joined=True), Spoken(), Heard("He has a dog.")]
    talk = await line(ScriptedEngine("voice", [late]))
    await talk.take_turn()
    assert await talk.stored() == [("user", "He has a dog.", True), ("assistant", "Nice!", True)]


async def test_a_turns_item_is_added_before_its_words_are_known(line: Begin):
    late = [Words("Nice!"), Speech(SOUND), Spoken(), Heard("He has a dog.")]
    talk = await line(ScriptedEngine("voice", [late]))
    await talk.take_turn()
    added = [event["item"] for event in talk.sent if event["type"] == "conversation.item.added"]
    assert [item["role"] for item in added] == ["user", "assistant"]
    assert added[0]["content"][0]["transcript"] is None
    assert talk.kinds("response.done", "conversation.item.input_audio_transcription.completed") == [
        "response.done",
        "conversation.item.input_audio_transcription.completed",
    ]


async def test_a_turn_that_cannot_be_transcribed_is_saved_as_sound(line: Begin):
    talk = await line(ScriptedEngine("voice", [[Words("Nice!"), Speech(SOUND), Spoken(), Unheard()]]))
    await talk.take_turn()
    assert await talk.stored() == [("user", "", True), ("assistant", "Nice!", True)]
    assert talk.one("conversation.item.input_audio_transcription.failed")["error"]["code"] == "not_made_out"


MISHEARD = Heard("He has went to Rome with a dog.", -0.9, Doubt.MISHEARD, ((0, 31),))


async def test_doubtful_words_are_marked_and_not_used(line: Begin):
    found = (Correction("has went", "has gone", "Past participle.", "grammar", 3, 11),)
    said = [MISHEARD, Words("Sorry?"), Speech(SOUND), Spoken()]
    talk = await line(ScriptedEngine("chat", [said], corrects_aloud=False, corrections=found))
    await talk.take_turn()
    assert talk.one("conversation.item.input_audio_transcription.completed")["transcript"] == MISHEARD.text
    doubt = talk.one("talk.doubt")
    assert (doubt["doubt"], doubt["confidence"], doubt["unsure"]) == ("misheard", -0.9, [[0, 31]])
    assert talk.kinds("talk.correction", "talk.goals") == []
    assert [each.text for each in talk.session.transcript] == ["", "Sorry?"]
    assert await talk.stored() == [("user", MISHEARD.text, True), ("assistant", "Sorry?", True)]


async def test_doubtful_words_stay_doubtful_until_they_are_replaced(line: Begin):
    talk = await line(ScriptedEngine("chat", [[MISHEARD, Words("Sorry?"), Speech(SOUND), Spoken()]]))
    await talk.take_turn()
    kept = await in_thread(store.get, talk.learner, "talk")
    assert kept
    assert [each.text for each in Dialogue.of("talk", kept, "").lines] == ["", "Sorry?"]
    item = kept.messages[0].wire_id
    kept = await in_thread(store.replace_words, talk.learner, "talk", item, "He has gone to Rome.", [])
    assert kept
    assert [each.text for each in Dialogue.of("talk", kept, "").lines] == ["He has gone to Rome.", "Sorry?"]
    assert kept.messages[0].measured.keys() == {"engine", "speech_ms", "pauses_ms"}


async def test_doubtful_words_that_are_confirmed_are_the_learners(line: Begin):
    talk = await line(ScriptedEngine("chat", [[MISHEARD, Words("Sorry?"), Speech(SOUND), Spoken()]]))
    await talk.take_turn()
    kept = await in_thread(store.get, talk.learner, "talk")
    assert kept
    kept = await in_thread(store.replace_words, talk.learner, "talk", kept.messages[0].wire_id, MISHEARD.text, [])
    assert kept
    assert kept.messages[0].measured.keys() == {"engine", "speech_ms", "pauses_ms"}
    assert [each.text for each in Dialogue.of("talk", kept, "").lines] == [MISHEARD.text, "Sorry?"]


async def test_the_words_of_a_much_softer_voice_are_in_doubt(line: Begin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Turn, "is_much_softer", property(lambda _: True, lambda *_: None))
    talk = await line(ScriptedEngine("chat", [[Heard("The news at ten."), Words("Nice."), Speech(SOUND), Spoken()]]))
    await talk.take_turn()
    assert talk.one("talk.doubt")["doubt"] == "misheard"
    assert [each.text for each in talk.session.transcript] == ["", "Nice."]


async def test_the_third_doubtful_turn_in_a_row_brings_advice(line: Begin):
    asked = [Words("Sorry?"), Speech(SOUND), Spoken()]
    turns = [[MISHEARD, *asked], [Unheard(Doubt.MISHEARD), *asked], [MISHEARD, *asked], [MISHEARD, *asked]]
    talk = await line(ScriptedEngine("chat", turns))
    advised = []
    for _ in range(4):
        await talk.take_turn()
        advised.append([each["code"] for each in talk.sent if each["type"] == "talk.notice"].count("hard_to_hear"))
    assert advised == [0, 0, 1, 1]


async def test_the_reason_for_a_missing_transcript_is_stored(line: Begin):
    said = [Unheard(Doubt.NOT_ENGLISH), Words("English, please."), Speech(SOUND), Spoken()]
    talk = await line(ScriptedEngine("voice", [said]))
    await talk.take_turn()
    kept = await in_thread(store.get, talk.learner, "talk")
    assert kept
    assert (kept.messages[0].content, kept.messages[0].measured["doubt"]) == ("", "not_english")


async def test_an_answer_that_breaks_off_before_the_transcript_loses_no_sound(line: Begin):
    talk = await line(ScriptedEngine("voice", [[Words("Nice!"), Speech(SOUND), BROKEN]]))
    await talk.take_turn()
    assert ("user", "", True) in await talk.stored()


async def test_a_turn_whose_answer_is_stopped_is_still_transcribed(line: Begin):
    stopped = asyncio.Event()
    script = [Words("Nice"), Speech(SOUND), stopped, Words("!", joined=True), Heard("He has a dog.")]
    talk = await line(ScriptedEngine("voice", [script]))
    await talk.append(LONDON)
    await talk.talk.receive({"type": "input_audio_buffer.commit"})
    await talk.talk.receive({"type": "response.create"})
    while "response.output_audio.delta" not in talk.kinds("response.output_audio.delta"):
        await in_thread(lambda: None)
    await talk.talk.receive({"type": "response.cancel"})
    stopped.set()
    await talk.talk.settled()
    assert await talk.stored() == [("user", "He has a dog.", True), ("assistant", "Nice", True)]


async def test_separate_corrections_are_sent_and_saved(line: Begin):
    found = (Correction("has went", "has gone", "Past participle.", "grammar", 3, 11),)
    talk = await line(ScriptedEngine("chat", [answer("He has went.", "Oh?")], corrects_aloud=False, corrections=found))
    await talk.take_turn()
    assert [each["better"] for each in talk.one("talk.correction")["corrections"]] == ["has gone"]
    kept = await in_thread(store.get, talk.learner, "talk")
    assert kept
    assert [(row.role, len(row.corrections), bool(row.audio_key)) for row in kept.messages] == [
        ("user", 1, True),
        ("assistant", 0, True),
    ]


async def test_failed_corrections_are_reported(line: Begin):
    talk = await line(ScriptedEngine("chat", [answer("He has went.", "Oh?")], corrects_aloud=False, corrections=BROKEN))
    await talk.take_turn()
    assert talk.one("talk.notice")["code"] == "not_corrected"
    assert [role for role, _, _ in await talk.stored()] == ["user", "assistant"]


async def test_a_change_of_engines_is_reported(line: Begin):
    first, second = ScriptedEngine("first", [[BROKEN]]), ScriptedEngine("second", [answer("Hi.", "Hello?")])
    talk = await line(first, second)
    await talk.take_turn()
    assert (talk.one("talk.notice")["engine"], talk.one("session.updated")["session"]["model"]) == ("second", "second")
    assert await talk.stored() == [("user", "Hi.", True), ("assistant", "Hello?", True)]


async def test_silence_is_not_sent_to_an_engine_that_invents_words(line: Begin):
    talk = await line(ScriptedEngine("inventive", [], invents_in_silence=True))
    await talk.take_turn(bytes(48_000))
    assert talk.one("conversation.item.input_audio_transcription.failed")["error"]["code"] == "nothing_heard"
    assert await talk.stored() == []


async def test_an_engine_that_detects_turns_gets_all_sound(line: Begin):
    talk = await line(ScriptedEngine("ears", [answer("Hi.", "Hello?")], detects_turns=True))
    await talk.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    await talk.append(bytes(48_000) + LONDON)
    assert talk.session.heard == [bytes(48_000) + LONDON]
    assert talk.session.detection
    assert talk.session.detection.level_pause_ms == 1650


async def test_turns_that_the_engine_detects_are_used(line: Begin):
    talk = await line(ScriptedEngine("ears", [answer("Hi.", "Hello?")], detects_turns=True))
    await talk.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    await talk.append(bytes(48_000) + LONDON)
    noticed = talk.session.noticed
    await noticed(SpeechStarted(1000))
    await noticed(TurnEnded(1000 + len(LONDON) // 48))
    await talk.talk.settled()
    assert await talk.stored() == [("user", "Hi.", True), ("assistant", "Hello?", True)]
    # The audio before the voice counts.
    assert talk.one("input_audio_buffer.speech_started")["audio_start_ms"] == 600


async def test_when_an_engine_loses_turn_detection_the_talk_detects_turns(line: Begin):
    ears = ScriptedEngine("ears", [], detects_turns=True)
    talk = await line(ears, ScriptedEngine("second", [answer("Hi.", "Hello?")]))
    await talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 600}}})
    await talk.append(bytes(48_000) + LONDON[: len(LONDON) // 2])
    await ears.sessions[0].noticed(SpeechStarted(1000))
    await ears.sessions[0].noticed(TurnDetectionLost(BROKEN))
    await talk.append(LONDON[len(LONDON) // 2 :] + bytes(48_000 * 2))
    await talk.talk.settled()
    assert LONDON in talk.session.heard[0]
    assert await talk.stored() == [("user", "Hi.", True), ("assistant", "Hello?", True)]


async def test_without_an_engine_that_hears_one_notice_is_sent(line: Begin):
    ears = ScriptedEngine("ears", [], detects_turns=True)
    talk = await line(ears)
    await talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 600}}})
    await ears.sessions[0].noticed(TurnDetectionLost(BROKEN))
    await ears.sessions[0].noticed(TurnDetectionLost(BROKEN))
    assert talk.one("talk.notice")["message"] == "It broke. Try again in a moment."


async def test_a_turn_that_ended_unnoticed_while_its_engine_failed_is_answered_too(line: Begin):
    unnoticed = asyncio.Event()
    ears = ScriptedEngine("ears", [[unnoticed, BROKEN]], detects_turns=True)
    talk = await line(ears, ScriptedEngine("second", [answer("One.", "First?"), answer("Two.", "Second?")]))
    await talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 600}}})
    noticed = ears.sessions[0].noticed
    await talk.append(LONDON)
    await noticed(SpeechStarted(0))
    await noticed(TurnEnded(len(LONDON) // 48))
    await talk.append(LONDON + bytes(48_000 * 2))
    await noticed(SpeechStarted(len(LONDON) // 48))
    unnoticed.set()
    async with asyncio.timeout(60):
        while ("assistant", "Second?", True) not in await talk.stored():
            await asyncio.sleep(0.05)
    assert [words for role, words, _ in await talk.stored() if role == "user"] == ["One.", "Two."]


async def test_an_unanswered_turn_has_its_place(line: Begin):
    talk = await line(ScriptedEngine("voice", [[BROKEN], answer("He has a dog.", "Nice!")]))
    await talk.take_turn()
    assert talk.one("talk.notice")["message"] == "It broke. What you said is kept. Try again in a moment."
    await talk.take_turn()
    added = [event for event in talk.sent if event["type"] == "conversation.item.added"]
    places = [(each["item"]["role"], each["previous_item_id"]) for each in added]
    ids = [each["item"]["id"] for each in added]
    assert places == [("user", None), ("user", ids[0]), ("assistant", ids[1])]


async def test_an_unanswered_typed_turn_has_its_place(line: Begin):
    talk = await line(ScriptedEngine("voice", [[BROKEN]]))
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
    await talk.talk.receive({"type": "conversation.item.create", "item": item})
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    assert talk.one("conversation.item.added")["item"]["content"] == [{"type": "input_text", "text": "Hello."}]
    assert await talk.stored() == [("user", "Hello.", False)]


async def test_a_failed_opening_is_not_waited_for(line: Begin):
    talk = await line(ScriptedEngine("voice", [[BROKEN]]))
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    assert talk.one("response.done")["response"]["status"] == "incomplete"


async def test_an_unexpected_error_is_reported(line: Begin):
    talk = await line(ScriptedEngine("broken", [[Heard("Hi."), ValueError("a fault")]]))
    await talk.take_turn()
    assert talk.one("talk.notice")["code"] == "engine"
    assert await talk.stored() == [("user", "Hi.", True)]


async def test_an_update_without_changes_keeps_the_opening(line: Begin):
    wished = asyncio.Event()
    talk = await line(ScriptedEngine("voice", [[wished, *answer("", "Hello?")]]))
    wishes = {"scenario": "travel", "level": "B1"}
    await talk.update(talk=wishes)
    await talk.talk.receive({"type": "response.create"})
    before = len(talk.engines[0].sessions)
    await talk.update(talk=wishes, audio={"output": {"speed": 0.9}})
    wished.set()
    assert len(talk.engines[0].sessions) == before


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def test_an_answer_is_requested_before_the_end_of_the_turn_is_sent(line: Begin):
    talk = await line(ScriptedEngine("voice", [answer("Hi.", "Hello?")]))
    begun: dict[str, int] = {}
    talk.watch = lambda event: begun.setdefault(event["type"], talk.session.begun)
    await talk.take_turn()
    assert begun["input_audio_buffer.committed"] == 1


async def test_a_provider_is_interrupted_before_late_words_are_waited_for(line: Begin):
    late = asyncio.Event()
    talk = await line(ScriptedEngine("voice", [[Words("Nice!"), Speech(SOUND), late, Heard("He has a dog.")]]))
    await talk.append(LONDON)
    await talk.talk.receive({"type": "input_audio_buffer.commit"})
    await talk.talk.receive({"type": "response.create"})
    await until(lambda: talk.kinds("response.output_audio.delta"))
    item_id = talk.one("response.output_audio.delta")["item_id"]
    cut = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 100}
    truncating = asyncio.create_task(talk.talk.receive(cut))
    await until(lambda: talk.session.interrupted == [100])
    late.set()
    await truncating
    assert talk.one("conversation.item.truncated")["transcript"] == "Nice!"
    await talk.talk.settled()
    assert await talk.stored() == [("user", "He has a dog.", True), ("assistant", "Nice!", True)]


async def test_another_scenario_stops_the_opening_and_begins_its_own(line: Begin):
    old = [Words("Which country?"), Speech(SOUND), asyncio.Event()]
    talk = await line(ScriptedEngine("voice", [old, answer("", "Are you hungry?")]))
    await talk.update(talk={"scenario": "travel", "level": "B1"})
    await talk.talk.receive({"type": "response.create"})
    await until(lambda: talk.kinds("response.output_audio.delta"))
    await talk.update(talk={"scenario": "food", "level": "B1"})
    await talk.talk.settled()
    assert talk.session.brief.scenario.id == "food"
    done = [event["response"]["status"] for event in talk.sent if event["type"] == "response.done"]
    assert done == ["cancelled", "completed"]
    assert talk.one("conversation.item.truncated")["audio_end_ms"] == 0
    assert await talk.stored() == [("assistant", "Are you hungry?", True)]


async def test_another_scenario_before_the_opening_has_a_word_begins_its_own(line: Begin):
    talk = await line(ScriptedEngine("voice", [[asyncio.Event()], answer("", "Are you hungry?")]))
    await talk.update(talk={"scenario": "travel", "level": "B1"})
    await talk.talk.receive({"type": "response.create"})
    await until(lambda: talk.session.asked)
    await talk.update(talk={"scenario": "food", "level": "B1"})
    await talk.talk.settled()
    assert len(talk.kinds("response.done")) == 1
    assert await talk.stored() == [("assistant", "Are you hungry?", True)]


async def test_another_scenario_while_the_first_turn_is_answered_loses_nothing(line: Begin):
    talk = await line(ScriptedEngine("voice", [[asyncio.Event()], answer("Hi.", "Are you hungry?")]))
    await talk.append(LONDON)
    await talk.talk.receive({"type": "input_audio_buffer.commit"})
    await talk.talk.receive({"type": "response.create"})
    await talk.update(talk={"scenario": "food", "level": "B1"})
    await talk.talk.settled()
    assert talk.session.asked == [(None, LONDON)]
    assert await talk.stored() == [("user", "Hi.", True), ("assistant", "Are you hungry?", True)]


async def test_another_language_of_explanations_keeps_the_opening(line: Begin):
    wished = asyncio.Event()
    talk = await line(ScriptedEngine("voice", [[wished, *answer("", "Hello?")]]))
    await talk.update(talk={"scenario": "travel", "level": "B1", "language": "en"})
    await talk.talk.receive({"type": "response.create"})
    await talk.update(talk={"scenario": "travel", "level": "B1", "language": "vi"})
    wished.set()
    await talk.talk.settled()
    assert await talk.stored() == [("assistant", "Hello?", True)]


async def test_an_error_in_a_check_is_reported_and_logged_without_the_learners_words(
    line: Begin, caplog: pytest.LogCaptureFixture
):
    fault = ValueError("cannot read: He has went.")
    talk = await line(ScriptedEngine("chat", [answer("He has went.", "Oh?")], corrects_aloud=False, corrections=fault))
    await talk.take_turn()
    assert talk.one("talk.notice")["code"] == "not_corrected"
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert logged.startswith("A turn was not corrected: ValueError < scripted.py:")
    assert "went" not in caplog.text


async def test_sound_before_the_loss_of_turn_detection_is_heard(line: Begin):
    ears = ScriptedEngine("ears", [], detects_turns=True)
    talk = await line(ears, ScriptedEngine("second", [answer("Hi.", "Hello?")]))
    await talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 600}}})
    await talk.append(bytes(48_000) + LONDON)
    await ears.sessions[0].noticed(TurnDetectionLost(BROKEN))
    await talk.append(bytes(48_000 * 2))
    async with asyncio.timeout(60):
        while ("assistant", "Hello?", True) not in await talk.stored():
            await asyncio.sleep(0.05)
    assert LONDON in talk.session.heard[0]
