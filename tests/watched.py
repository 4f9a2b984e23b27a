"""Watch the speech recognition models while they decode: their audio and its start times."""

from collections.abc import Callable

import pytest

from audio.resampling import Samples
from engines.local import transcriber
from engines.local.ears import Ears
from engines.vad import MODEL_RATE
from tutor.transcripts import Transcript


class Watched(Ears):
    """Wrap the real models. `seen` holds each call's seconds of audio. `before` runs first, in the decoding thread."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.before: Callable[[], object] = lambda: None
        self._real = transcriber.load()

    def transcribe(self, samples: Samples) -> Transcript:
        self.seen.append(len(samples) / MODEL_RATE)
        self.before()
        return self._real.transcribe(samples)


def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Use the watched models until the test is over."""
    ears = Watched()
    monkeypatch.setattr(transcriber, "_ears", lambda: ears)
    return ears
