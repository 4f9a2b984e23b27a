"""Where the learner's sound is, and what of it belongs to a turn that is found late."""

from tests.talking import bytes_before_voice, spoken
from tutor.engines.base import SpeechStarted
from tutor.hearing import LONG_PREROLL_MS, PREROLL_MS, Hearing
from tutor.turn import Turn

SECOND = 48_000  # bytes
LONDON = spoken("learner_london")


def test_moments_count_all_sound():
    hearing = Hearing()
    hearing.pass_by(bytes(SECOND), told_late=False)
    hearing.add(Turn(1000), bytes(SECOND // 2))
    assert hearing.position_ms == 1500


def test_a_turn_has_what_came_just_before_its_voice():
    hearing = Hearing()
    hearing.pass_by(bytes(SECOND) + b"\x01\x00" * (SECOND // 2), told_late=True)
    turn = hearing.turn_from(1000, "user-1")
    assert turn.start_ms == 1000 - PREROLL_MS
    assert turn.pcm == bytes(PREROLL_MS * 48) + b"\x01\x00" * (SECOND // 2)


def test_of_what_is_nobodys_only_the_end_is_kept():
    hearing = Hearing()
    hearing.pass_by(bytes(5 * SECOND), told_late=False)
    assert len(hearing.preroll) == PREROLL_MS * 48
    hearing.pass_by(bytes(5 * SECOND), told_late=True)
    assert len(hearing.preroll) == LONG_PREROLL_MS * 48


def test_a_turn_is_audible_by_any_of_its_sound():
    hearing, turn = Hearing(), Turn(0)
    hearing.add(turn, bytes(SECOND))
    assert not hearing.is_audible(turn)
    hearing.add(turn, LONDON)
    hearing.add(turn, bytes(SECOND))
    assert hearing.is_audible(turn)


def test_the_sound_of_one_turn_does_not_make_another_audible():
    hearing, silent = Hearing(), Turn(0)
    hearing.add(Turn(0), LONDON)
    hearing.add(silent, bytes(SECOND))
    assert not hearing.is_audible(silent)


def test_a_listener_that_begins_late_tells_moments_of_all_sound():
    hearing = Hearing()
    hearing.pass_by(bytes(SECOND), told_late=False)
    hearing.listen()
    voice_ms = bytes_before_voice(LONDON) // 48
    (started,) = [each for each in hearing.found_in(LONDON) if isinstance(each, SpeechStarted)]
    assert abs(started.at_ms - (1000 + voice_ms)) < 150


def test_a_new_listener_hears_what_was_said_before():
    hearing = Hearing()
    turn = Turn(0)
    hearing.add(turn, bytes(SECOND) + LONDON)
    hearing.listen()
    voice_ms = bytes_before_voice(LONDON) // 48
    (started,) = [each for each in hearing.found_again_in(bytes(turn.pcm)) if isinstance(each, SpeechStarted)]
    assert abs(started.at_ms - (1000 + voice_ms)) < 150
