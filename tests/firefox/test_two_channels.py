"""A voice is transcribed if the two channels of the microphone mirror each other, or if one of them is silent.

Firefox is used, because Chromium would average the channels itself.
"""

import threading
from pathlib import Path

import pytest

from audio.tests.sounds import tone, wav_of
from tests.firefox.browser import Firefox, missing
from tests.firefox.sound import SoundCard
from tests.fixtures import served
from tests.servers import AgentServer

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.skipif(not SoundCard.available(), reason="PulseAudio is not installed."),
]

SECONDS = 15.0
VOICE, MIRROR = tone(SECONDS), tone(SECONDS, -440.0)
SILENCE = bytes(len(VOICE))
# The tone gets louder. The meter shows the square root of its peak, in percent.
LOUD = "Number(document.querySelector('#meter').getAttribute('aria-valuenow')) > 50"


def test_a_voice_on_two_channels_is_transcribed(server: AgentServer, tmp_path: Path) -> None:
    with served(SoundCard(tmp_path / "sound")) as card, served(Firefox(tmp_path / "firefox", card)) as firefox:
        firefox.open()
        firefox.goto(server.url)
        firefox.click(".scenario:has(input[value=travel])")
        firefox.click("::-p-aria(Start talking)")
        firefox.until("document.querySelector('#main').dataset.microphone === 'true'")
        for name, channels in {"mirrored": (VOICE, MIRROR), "dead": (SILENCE, VOICE)}.items():
            recording = tmp_path / f"{name}.wav"
            recording.write_bytes(wav_of(*channels))
            playing = threading.Thread(target=card.speak, args=[recording])
            playing.start()
            firefox.until(LOUD)
            playing.join()
            firefox.until(f"!({LOUD})")
        assert firefox.problems() == []
