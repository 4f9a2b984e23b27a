"""The buffer keeps the audio, and finds the part that belongs to a turn that was reported late."""

from engines.interface import SpeechStarted
from talk.input_buffer import LONG_PREROLL_MS, PREROLL_MS, InputAudioBuffer
from talk.turn import Turn
from tests.talking import bytes_before_voice, spoken

SECOND = 48_000  # bytes
LONDON = spoken("learner_london")


def test_positions_count_all_sound():
    input_buffer = InputAudioBuffer()
    input_buffer.pass_by(bytes(SECOND), long_preroll=False)
    input_buffer.add(Turn(1000), bytes(SECOND // 2))
    assert input_buffer.position_ms == 1500


def test_a_turn_includes_the_preroll():
    input_buffer = InputAudioBuffer()
    input_buffer.pass_by(bytes(SECOND) + b"\x01\x00" * (SECOND // 2), long_preroll=True)
    turn = input_buffer.turn_from(1000)
    assert turn.start_ms == 1000 - PREROLL_MS
    assert turn.pcm == bytes(PREROLL_MS * 48) + b"\x01\x00" * (SECOND // 2)


def test_outside_a_turn_only_the_latest_sound_is_kept():
    input_buffer = InputAudioBuffer()
    input_buffer.pass_by(bytes(5 * SECOND), long_preroll=False)
    assert len(input_buffer.preroll) == PREROLL_MS * 48
    input_buffer.pass_by(bytes(5 * SECOND), long_preroll=True)
    assert len(input_buffer.preroll) == LONG_PREROLL_MS * 48


def test_a_turn_is_audible_if_any_of_its_sound_is():
    input_buffer, turn = InputAudioBuffer(), Turn(0)
    input_buffer.add(turn, bytes(SECOND))
    assert not input_buffer.is_audible(turn)
    input_buffer.add(turn, LONDON)
    input_buffer.add(turn, bytes(SECOND))
    assert input_buffer.is_audible(turn)


def test_the_sound_of_one_turn_does_not_make_another_audible():
    input_buffer, silent = InputAudioBuffer(), Turn(0)
    input_buffer.add(Turn(0), LONDON)
    input_buffer.add(silent, bytes(SECOND))
    assert not input_buffer.is_audible(silent)


def test_a_detector_that_starts_late_reports_positions_in_all_sound():
    input_buffer = InputAudioBuffer()
    input_buffer.pass_by(bytes(SECOND), long_preroll=False)
    input_buffer.listen()
    voice_ms = bytes_before_voice(LONDON) // 48
    (started,) = [each for each in input_buffer.found_in(LONDON) if isinstance(each, SpeechStarted)]
    assert abs(started.at_ms - (1000 + voice_ms)) < 150


def test_a_new_detector_gets_the_earlier_sound():
    input_buffer = InputAudioBuffer()
    turn = Turn(0)
    input_buffer.add(turn, bytes(SECOND) + LONDON)
    input_buffer.listen()
    voice_ms = bytes_before_voice(LONDON) // 48
    (started,) = [each for each in input_buffer.found_again_in(bytes(turn.pcm)) if isinstance(each, SpeechStarted)]
    assert abs(started.at_ms - (1000 + voice_ms)) < 150
