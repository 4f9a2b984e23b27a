"""G.711 is converted to and from PCM16 24 kHz as ffmpeg does it."""

import io

import av
import numpy as np
import pytest

from audio.tests.sounds import likeness
from talk.audio_formats import PCM, PCMA, PCMU, AudioFormat, Decoder, Encoder, g711_codes, g711_levels
from tests.talking import spoken

LONDON = spoken("learner_london")
CODECS = [(PCMU, "pcm_mulaw", "mulaw"), (PCMA, "pcm_alaw", "alaw")]


def by_ffmpeg(codes: bytes, container: str) -> bytes:
    """Decode with ffmpeg."""
    with av.open(io.BytesIO(codes), "r", format=container, options={"sample_rate": "8000"}) as file:
        return b"".join(frame.to_ndarray().tobytes() for frame in file.decode(audio=0))


@pytest.mark.parametrize(("form", "codec", "container"), CODECS)
def test_every_code_has_the_level_that_the_standard_gives_it(form: AudioFormat, codec: str, container: str):
    assert g711_levels(form.type).tobytes() == by_ffmpeg(bytes(range(256)), container)


@pytest.mark.parametrize(("form", "codec", "container"), CODECS)
def test_every_level_is_encoded_as_itself(form: AudioFormat, codec: str, container: str):
    levels = g711_levels(form.type).astype(np.int32)
    assert (levels[g711_codes(form.type)[levels + 32768]] == levels).all()


@pytest.mark.parametrize("form", [PCM, PCMU, PCMA])
@pytest.mark.parametrize("piece", [4800, 1001 * 2])
def test_speech_goes_there_and_back(form: AudioFormat, piece: int):
    encoder, decoder = Encoder(form), Decoder(form)
    sent = [encoder.feed(LONDON[start : start + piece]) for start in range(0, len(LONDON), piece)]
    sent.append(encoder.flush())
    heard = b"".join(each for sound in sent for each in decoder.pieces(sound))
    assert abs(len(heard) - len(LONDON)) < 48 * 10
    length = min(len(heard), len(LONDON))
    assert likeness(heard[:length], LONDON[:length]) > 0.9


@pytest.mark.parametrize("form", [PCM, PCMU, PCMA])
def test_pieces_are_short(form: AudioFormat):
    assert max(map(len, Decoder(form).pieces(bytes(100_000)))) <= 48 * 45
