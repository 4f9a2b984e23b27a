import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engines.interface import Corrected, Ended, Event, Heard, Speech, Unheard, Words
from engines.local import corrector, partner, speaker, transcriber, whisper_models
from engines.local.engine import LocalEngine
from engines.local.session import LocalSession
from engines.local.transcriber import TurnTranscription
from tests.sound import FAMILY, clip, loudness, seconds, silence, white_noise
from tests.watched import watched
from tutor import hints, scenario
from tutor.domain import Correction, EngineError, Line
from tutor.scenario import Brief
from tutor.transcripts import Doubt, Transcript, in_doubt

ROOT = Path(__file__).resolve().parents[3]
LONDON = clip("learner_london")
SAID = "My brother has went to London last week."
OPENED = (Line("assistant", "Hello! Where did you go on your last trip?"),)


@pytest.fixture
async def engine() -> LocalEngine:
    engine = LocalEngine()
    await engine.warm()
    return engine


@pytest.fixture
def brief() -> Brief:
    return Brief(scenario=scenario.get("travel"), level="B1", seed="conv-1700000000000-abcdefg")


async def reply(session: LocalSession, text: str | None = None) -> list[Event]:
    return [event async for event in session.reply(text)]


def heard(events: list[Event]) -> str:
    return next(event.text for event in events if isinstance(event, Heard))


def sound(events: list[Event]) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, Speech))


async def test_the_agent_opens_the_talk(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, []) as session:
        events = await reply(session)
    assert isinstance(events[0], Words)
    assert loudness(sound(events)) > 0.02


async def test_a_talk_is_resumed(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        events = await reply(session)
    assert isinstance(events[0], Words)
    assert not any(isinstance(event, Heard) for event in events)


async def test_events_come_in_order(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        events = await reply(session)
    assert [type(event) for event in events[:4]] == [Heard, Corrected, Words, Speech]
    assert heard(events) == SAID


async def test_the_correction_is_there(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        (correction,) = next(event for event in await reply(session) if isinstance(event, Corrected)).corrections
    assert (correction.said, correction.better) == ("has went", "went")


async def test_each_sentence_sends_words_then_audio(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        events = await reply(session, "I went to Rome with my wife.")
    answer = [type(event) for event in events if isinstance(event, Words | Speech)]
    assert answer[0] is Words
    assert not any(one is Words and other is Words for one, other in pairwise(answer))


async def test_typed_text_is_used_instead_of_the_audio(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        events = await reply(session, " She have a dog. ")
    assert heard(events) == "She have a dog."


async def test_another_language_gets_a_simpler_question(engine: LocalEngine):
    family = Brief(scenario=scenario.get("family"), level="A2", seed="conv-1")
    asked = (Line("assistant", "Hello! Let's talk about your family. Who is in your family?"),)
    async with engine.talk(family, asked) as session:
        await session.hear(clip("other_language_es"))
        events = await reply(session)
    assert events[0] == Unheard(Doubt.NOT_ENGLISH)
    assert not any(isinstance(event, Heard | Corrected) for event in events)
    said = " ".join(event.text for event in events if isinstance(event, Words))
    assert "only" in said
    assert "English" in said
    assert hints.hint(family, asked) in said
    assert said.endswith("Who is in your family?")


async def test_a_turn_in_doubt_is_answered_and_not_corrected(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(clip("code_switching"))
        events = await reply(session)
    assert isinstance(events[0], Heard)
    assert events[0].doubt
    assert not any(isinstance(event, Corrected) for event in events)
    assert any(isinstance(event, Words) for event in events)


async def test_doubtful_words_are_ignored_and_certain_ones_answered(
    engine: LocalEngine, brief: Brief, monkeypatch: pytest.MonkeyPatch
):
    heard = in_doubt("Yesterday I went to the panaderia and I bought some bread.", -0.8, [(24, 33)])
    monkeypatch.setattr(TurnTranscription, "transcribe", lambda *_: heard)
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        events = await reply(session)
    assert isinstance(events[0], Heard)
    assert events[0].doubt is Doubt.WORDS
    assert not any(isinstance(event, Corrected) for event in events)
    said = " ".join(event.text for event in events if isinstance(event, Words))
    assert said
    assert "panaderia" not in said


@pytest.mark.parametrize(("unsure", "is_corrected"), [((), True), (((11, 15),), False)], ids=["sure", "unsure"])
async def test_unsure_words_of_an_accepted_turn_are_not_corrected(
    engine: LocalEngine,
    brief: Brief,
    monkeypatch: pytest.MonkeyPatch,
    unsure: tuple[tuple[int, int], ...],
    is_corrected: bool,
):
    heard = Transcript("My brother work in Rome.", -0.5, unsure=unsure)
    monkeypatch.setattr(TurnTranscription, "transcribe", lambda *_: heard)
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        events = await reply(session)
    assert any(isinstance(event, Corrected) for event in events) == is_corrected
    assert any(isinstance(event, Words) for event in events)


@pytest.mark.parametrize("pcm", [silence(2), white_noise(2)])
async def test_silence_gets_no_reply(engine: LocalEngine, brief: Brief, pcm: bytes):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(pcm)
        assert await reply(session) == [Heard("")]


async def test_a_reply_can_be_requested_again_after_more_audio(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON + silence(0.4))
        first = heard(await reply(session))
        await session.hear(clip("learner_family"))
        both = heard(await reply(session))
        assert both.startswith(f"{first} ")
        assert FAMILY.fullmatch(both.removeprefix(f"{first} "))


async def test_turns_do_not_mix(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        await reply(session)
        await session.end_turn()
        await session.hear(clip("learner_family"))
        assert FAMILY.fullmatch(heard(await reply(session)))


async def test_the_turn_can_end_during_the_reply(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session, aclosing(session.reply()) as events:
        await session.hear(LONDON)
        first = await anext(events)
        await session.end_turn()
        rest = [event async for event in events]
    assert heard([first]) == SAID
    assert loudness(sound(rest)) > 0.02


async def test_the_session_continues_after_a_reply_was_closed_early(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        async with aclosing(session.reply()) as events:
            async for event in events:
                if isinstance(event, Words):
                    break
        assert heard(await reply(session)) == SAID


async def test_cancelling_a_reply_during_transcription_loses_no_audio(
    engine: LocalEngine, brief: Brief, monkeypatch: pytest.MonkeyPatch
):
    decoding, cancelled = threading.Event(), threading.Event()

    def hold() -> None:
        decoding.set()
        cancelled.wait(60)

    watched(monkeypatch).before = hold
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        task = asyncio.create_task(reply(session))
        assert await asyncio.to_thread(decoding.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()
        assert heard(await reply(session)) == SAID


async def test_transcribing_ten_minutes_can_be_cancelled(
    engine: LocalEngine, brief: Brief, monkeypatch: pytest.MonkeyPatch
):
    whisper, decoding = watched(monkeypatch), threading.Event()
    whisper.before = decoding.set
    async with engine.talk(brief, OPENED) as session:
        for _ in range(20):
            await session.hear((LONDON + silence(0.5)) * 11)
        task = asyncio.create_task(reply(session))
        assert await asyncio.to_thread(decoding.wait, 60)
        task.cancel()
        await asyncio.wait((task,))
        async with engine.talk(brief, OPENED) as other:
            await other.hear(LONDON)
            assert heard(await reply(other)) == SAID
        await nobody_decodes()
    # The model was given less than 60 of 600 seconds.
    assert sum(whisper.seen) < 60


async def nobody_decodes() -> None:
    """Wait until both decoding threads have finished their work."""
    both, loop = threading.Barrier(2), asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(transcriber.EXECUTOR, both.wait) for _ in range(2)))


async def test_the_event_loop_is_never_blocked(engine: LocalEngine, brief: Brief, monkeypatch: pytest.MonkeyPatch):
    loop, done = asyncio.get_running_loop(), set[str]()
    correct, speak, answer = corrector.correct, speaker.speak, partner.answer

    def goes_on_during(work: str) -> None:
        """Fail with TimeoutError if the work blocks the event loop."""
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(60)
        done.add(work)

    def correct_slowly(text: str) -> tuple[Correction, ...]:
        goes_on_during("correcting")
        return correct(text)

    def answer_slowly(*about: Any) -> partner.PartnerAnswer:
        goes_on_during("answering")
        return answer(*about)

    def speak_slowly(sentence: str, speed: float) -> Iterator[bytes]:
        for pcm in speak(sentence, speed):
            goes_on_during("speaking")
            yield pcm

    watched(monkeypatch).before = lambda: goes_on_during("hearing")
    monkeypatch.setattr(corrector, "correct", correct_slowly)
    monkeypatch.setattr(speaker, "speak", speak_slowly)
    monkeypatch.setattr(partner, "answer", answer_slowly)
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON)
        await reply(session)
    assert done == {"hearing", "correcting", "answering", "speaking"}
    done.clear()
    await engine.chat([*OPENED, Line("user", SAID)], brief=brief)
    assert done == {"correcting", "answering"}


async def test_two_talks_at_once_do_not_mix(engine: LocalEngine, brief: Brief):
    async def said(name: str) -> str:
        async with engine.talk(brief, OPENED) as session:
            await session.hear(clip(name))
            return heard(await reply(session))

    london, family = await asyncio.gather(said("learner_london"), said("learner_family"))
    assert london == SAID
    assert FAMILY.fullmatch(family)


async def test_the_speed_of_the_voice(engine: LocalEngine, brief: Brief):
    async with engine.talk(brief, []) as session:
        usual = seconds(sound(await reply(session)))
        session.speed = 0.6
        assert seconds(sound(await reply(session))) > 1.3 * usual


async def test_a_goodbye_ends_the_talk(engine: LocalEngine, brief: Brief):
    transcript = [*OPENED, Line("user", "I went to Rome."), Line("assistant", "What did you see there?")]
    async with engine.talk(brief, transcript) as session:
        events = await reply(session, "I have to go now. Goodbye!")
    assert isinstance(events[-1], Ended)


async def test_a_second_warm_up_loads_nothing(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch):
    def read() -> None:
        raise AssertionError("It is read again.")

    monkeypatch.setattr(whisper_models, "optional_packages", read)
    monkeypatch.setattr(speaker, "optional_packages", read)
    await engine.warm()


async def test_a_turn_that_was_decoded_early_is_answered_without_decoding(
    engine: LocalEngine, brief: Brief, monkeypatch: pytest.MonkeyPatch
):
    async with engine.talk(brief, OPENED) as session:
        await session.hear(LONDON + silence(0.3))
        await reply(session)
        await session.hear(silence(0.9))
        whisper = watched(monkeypatch)
        async with aclosing(session.reply()) as events:
            await anext(event async for event in events if isinstance(event, Speech))
    assert whisper.seen == []


async def test_a_missing_package_is_reported_with_advice(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    monkeypatch.setattr(transcriber, "_ears", transcriber._ears.__wrapped__)
    with pytest.raises(EngineError, match=r"pip install -r requirements-local\.txt"):
        await LocalEngine().warm()


def test_importing_the_engine_loads_nothing_heavy():
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "import engines.local.engine, engines.vad;"
        "print([m for m in ('faster_whisper', 'onnxruntime', 'piper', 'harper', 'ctranslate2', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_the_voice_detector_writes_nothing_to_the_home_folder(tmp_path: Path):
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "from django.conf import settings; settings.DEBUG;"
        "import engines.vad; engines.vad.load()"
    )
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {
        "HOME": str(tmp_path)
    }
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert not list(tmp_path.iterdir())


async def test_the_voice_stays_slower_after_the_learner_asked(engine: LocalEngine, brief: Brief):
    seconds_of: dict[str, list[float]] = {}
    for wish in ("Can you say that again?", "Please speak more slowly."):
        before = (*OPENED, Line("user", wish), Line("assistant", "Of course. Where did you go on your last trip?"))
        async with engine.talk(brief, before) as session:
            events = await reply(session, "I went to Portugal.")
        words = " ".join(event.text for event in events if isinstance(event, Words))
        seconds_of[words] = [*seconds_of.get(words, []), seconds(sound(events))]
    ((usual, slower),) = seconds_of.values()
    assert slower > 1.1 * usual
