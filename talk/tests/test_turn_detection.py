"""Test the turn detector with sound alone: no engine, no reply, no client."""

import pytest

from audio.resampling import from_pcm16, to_pcm16
from engines.interface import SpeechStarted, TurnEnded
from engines.vad import ENDPOINTING_DELAY_MS
from talk.input_buffer import PREROLL_MS, InputAudioBuffer
from talk.playback import Playback
from talk.turn import Turn
from talk.turn_detection import (
    ECHO,
    Advice,
    MayReply,
    SpeechStopped,
    TurnBegan,
    TurnDetector,
    TurnEvent,
    TurnResumed,
    TurnTaken,
)
from tests.talking import bytes_before_voice, silence, spoken

LONDON = spoken("learner_london")
AGENT = spoken("learner_canada")
PIECE = 1920  # bytes, 40 ms


def detector(*, pause_ms: int | None = None, hands_free: bool = True, engine_detects: bool = False) -> TurnDetector:
    input_buffer = InputAudioBuffer()
    input_buffer.listen()
    made = TurnDetector(input_buffer, "B1", engine_detects=engine_detects)
    made.set_up(hands_free=hands_free, pause_ms=pause_ms)
    made.listen()
    return made


async def heard(
    detecting: TurnDetector, pcm: bytes, words: str | None = "", playback: Playback | None = None
) -> list[TurnEvent]:
    found = []
    for start in range(0, len(pcm), PIECE):
        piece = pcm[start : start + PIECE]
        detecting.add(piece, playback)
        found += await detecting.detect(piece, words)
    return found


def kinds(found: list[TurnEvent]) -> list[type]:
    """Return what happened, without the pauses within the turn."""
    return [type(each) for each in found if not isinstance(each, MayReply | TurnResumed)]


async def test_a_voice_begins_a_turn_and_silence_ends_it():
    detecting = detector()
    found = await heard(detecting, silence(1) + LONDON + silence(2))
    assert kinds(found) == [TurnBegan, SpeechStopped, TurnTaken]
    assert isinstance(found[-3], MayReply)
    taken = found[-1]
    assert isinstance(taken, TurnTaken)
    voice_ms = 1000 + bytes_before_voice(LONDON) // 48
    assert abs(taken.turn.start_ms - (voice_ms - PREROLL_MS)) < 150
    assert taken.turn.voice_from_ms
    assert detecting.turn is None


async def test_a_voice_that_goes_on_after_a_short_pause_is_the_same_turn():
    found = await heard(detector(), LONDON + silence(0.6) + LONDON + silence(2))
    assert kinds(found) == [TurnBegan, SpeechStopped, TurnTaken]
    resumed = next(at for at, each in enumerate(found) if isinstance(each, TurnResumed))
    assert isinstance(found[resumed - 1], MayReply)


@pytest.mark.parametrize(
    ("words", "ends"), [("", True), ("I like it.", True), ("I like it because", False), (None, False)]
)
async def test_an_unfinished_sentence_or_unknown_words_may_pause_for_twice_as_long(words: str | None, ends: bool):
    pause_s = ENDPOINTING_DELAY_MS["B1"] / 1000
    found = await heard(detector(), LONDON + silence(1.5 * pause_s), words)
    assert (TurnTaken in kinds(found)) is ends


async def test_a_turn_whose_words_stay_unknown_ends_all_the_same():
    pause_s = ENDPOINTING_DELAY_MS["B1"] / 1000
    assert TurnTaken in kinds(await heard(detector(), LONDON + silence(2.2 * pause_s), words=None))


async def test_a_much_softer_voice_is_doubted_and_advice_given_once():
    detecting, softer = detector(), to_pcm16(from_pcm16(AGENT) * 0.1)
    turns = [await heard(detecting, pcm + silence(2)) for pcm in (AGENT, AGENT, softer, softer)]
    taken = [each.turn for found in turns for each in found if isinstance(each, TurnTaken)]
    assert [turn.is_much_softer for turn in taken] == [False, False, True, True]
    assert [each.code for found in turns for each in found if isinstance(each, Advice)] == ["other_voice"]


async def test_a_chosen_pause_applies_at_every_level():
    assert TurnTaken in kinds(await heard(detector(pause_ms=500), LONDON + silence(0.8)))
    assert TurnTaken not in kinds(await heard(detector(pause_ms=3000), LONDON + silence(2)))


async def test_time_to_think_ends_no_turn():
    detecting = detector()
    detecting.holds = True
    detecting.listen()
    assert kinds(await heard(detecting, LONDON + silence(5))) == [TurnBegan]


async def test_all_sound_is_one_turn_while_the_learner_ends_turns_by_hand():
    detecting = detector(hands_free=False)
    found = await heard(detecting, silence(1) + LONDON + silence(3))
    assert kinds(found) == []
    assert detecting.end_turn().pcm == silence(1) + LONDON + silence(3)


async def test_after_a_dropped_turn_the_next_voice_begins_another():
    detecting = detector()
    await heard(detecting, LONDON)
    assert detecting.drop_turn()
    assert not detecting.drop_turn()
    assert kinds(await heard(detecting, silence(1) + LONDON)) == [TurnBegan]


async def test_a_long_turn_brings_advice_once():
    detecting = detector()
    found = await heard(detecting, LONDON * 9 + silence(2)) + await heard(detecting, LONDON * 9 + silence(2))
    assert [each.code for each in found if isinstance(each, Advice)] == ["long_turn"]
    assert kinds(found).count(TurnTaken) == 2


async def test_a_turn_of_maximum_length_is_ended():
    detecting = detector()
    detecting.turn = Turn(0)
    assert not detecting.is_turn_full
    detecting.turn.pcm = bytes(48_000 * 600)
    assert detecting.is_turn_full
    assert kinds(detecting.end_full_turn()) == [TurnTaken]
    assert detecting.end_full_turn() == []


async def test_the_agents_own_voice_begins_no_turn_and_brings_advice_once():
    detecting, found = detector(), []
    for _ in range(3):
        found += await heard(detecting, AGENT + silence(1), playback=Playback(bytearray(AGENT)))
    assert found == [Advice("echo", ECHO)]


async def test_another_voice_over_the_agents_begins_a_turn():
    found = await heard(detector(), LONDON + silence(2), playback=Playback(bytearray(AGENT)))
    assert kinds(found) == [TurnBegan, SpeechStopped, TurnTaken]


async def test_turns_follow_an_engine_that_detects_them():
    detecting = detector(engine_detects=True)
    assert await heard(detecting, silence(1) + LONDON + silence(2)) == []
    began = detecting.notice(SpeechStarted(1000))
    ended = detecting.notice(TurnEnded(1000 + len(LONDON) // 48))
    assert (kinds(began), kinds(ended)) == ([TurnBegan], [SpeechStopped, TurnTaken])
    assert detecting.notice(TurnEnded(9000)) == []


async def test_when_the_engine_changes_the_sound_so_far_is_heard_again():
    detecting = detector(engine_detects=True)
    await heard(detecting, silence(0.5) + LONDON)
    detecting.notice(SpeechStarted(500))
    await heard(detecting, silence(2))
    detecting.change_engine(engine_detects=False)
    detecting.listen()
    assert kinds(detecting.catch_up()) == [SpeechStopped, TurnTaken]
