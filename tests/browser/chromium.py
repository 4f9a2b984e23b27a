"""Chromium with a microphone that is fed from a file."""

import os
import shutil
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.talking import silence, spoken

ARGUMENTS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
]
# The agent's first words take up to this long, the engine's loading included; who speaks earlier breaks in on them.
OPENING_S = 9.0


def microphone_file(path: Path, *parts: bytes) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(b"".join(parts))
    return path


def one_turn(path: Path, clip: str) -> Path:
    """Silence while the agent opens the talk, the clip, and silence for ever after."""
    return microphone_file(path, silence(OPENING_S), spoken(clip), silence(1))


def executable() -> str | None:
    """The system's Chromium; None: Playwright's own, where that is installed."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@contextmanager
def chromium(microphone: Path | None = None, *extra: str) -> Iterator[Browser]:
    fed = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=[*ARGUMENTS, *fed, *extra])
        yield browser
        browser.close()


def new_page(context: BrowserContext) -> Page:
    """A page on which a script's error fails the test."""
    page = context.new_page()
    page.on("pageerror", _raise)
    return page


def _raise(error: Exception) -> None:
    raise error
