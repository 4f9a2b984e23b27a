"""Watch the speech recognition model while it decodes: its audio and its start times."""

from collections.abc import Callable

import pytest

from engines.local import transcriber


class Watched(transcriber.Whisper):
    """Wrap the real model. `seen` holds each call's seconds of audio. `before` runs first, in the decoding thread."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.before: Callable[[], object] = lambda: None
        self._real = transcriber.load()

    def transcribe(self, samples: transcriber.Samples) -> transcriber.Transcript:
        self.seen.append(len(samples) / transcriber.MODEL_RATE)
        self.before()
        return self._real.transcribe(samples)


def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Use the watched model until the test is over."""
    whisper = Watched()
    monkeypatch.setattr(transcriber, "_whisper", lambda: whisper)
    return whisper
