import pytest

from audio.resampling import from_pcm16, to_pcm16
from talk.voice_level import VoiceLevel
from tests.talking import silence, spoken

LEARNER, OTHER = spoken("learner_london"), spoken("learner_canada")


def quieter(pcm: bytes, db: float) -> bytes:
    return to_pcm16(from_pcm16(pcm) * 10 ** (-db / 20))


def test_a_much_softer_voice_than_the_learners_is_noticed():
    level = VoiceLevel()
    assert not any(level.is_much_softer(pcm) for pcm in (LEARNER, OTHER, quieter(LEARNER, 6)))
    assert level.is_much_softer(quieter(OTHER, 18))
    assert not level.is_much_softer(LEARNER)


def test_pauses_do_not_make_a_voice_softer():
    level = VoiceLevel()
    assert not any(level.is_much_softer(pcm) for pcm in (LEARNER, OTHER, LEARNER + silence(2) + OTHER))


def test_a_learner_who_has_moved_away_is_believed_at_the_third_turn():
    level = VoiceLevel()
    turns = [LEARNER, OTHER, *(quieter(pcm, 18) for pcm in (LEARNER, OTHER, LEARNER, OTHER))]
    assert [level.is_much_softer(pcm) for pcm in turns] == [False, False, True, True, False, False]


@pytest.mark.parametrize("pcm", [b"", b"\0\0", silence(1)])
def test_no_sound_has_a_level_too(pcm: bytes):
    level = VoiceLevel()
    assert [level.is_much_softer(one) for one in (LEARNER, LEARNER, pcm)] == [False, False, True]
