"""The model that hears, watched while it decodes: what it is given, and when it begins."""

from collections.abc import Callable

import pytest

from tutor.engines.local import transcriber


class Watched(transcriber.Whisper):
    """The real model. `seen` is how many seconds it was given each time; `before` is called first, in the thread that decodes."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.before: Callable[[], object] = lambda: None
        self._real = transcriber.load()

    def transcribe(self, samples: transcriber.Samples) -> str:
        self.seen.append(len(samples) / transcriber.MODEL_RATE)
        self.before()
        return self._real.transcribe(samples)


def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """In use until the test is over."""
    whisper = Watched()
    monkeypatch.setattr(transcriber, "_whisper", whisper)
    return whisper
