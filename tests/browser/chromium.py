"""Chromium with a microphone that is fed from a file."""

import os
import re
import shutil
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.talking import silence, spoken

ARGUMENTS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
]
# The agent's first words take up to this long, the engine's loading included; who speaks earlier breaks in on them.
OPENING_S = 12.0
WITHIN = 60_000  # ms, that anything may take: the machine is loaded, and stalls
# #main notes the states that it passes through: one may be over before a test looks.
NOTE_STATES = """() => {
  const main = document.querySelector("#main");
  main.dataset.been = main.dataset.state || "";
  new MutationObserver(() => {
    if (!main.dataset.been.endsWith(main.dataset.state)) main.dataset.been += ` ${main.dataset.state}`;
  }).observe(main, { attributeFilter: ["data-state"] });
}"""

expect.set_options(timeout=WITHIN)


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


def note_states(page: Page) -> None:
    """From now on; see `expect_been`."""
    page.evaluate(NOTE_STATES)


def expect_been(page: Page, *states: str) -> None:
    """Wait until the talk has come to each of these states, in this order, be it for a moment."""
    noted = re.compile("".join(f" {state}\\b.*" for state in states))
    expect(page.locator("#main")).to_have_attribute("data-been", noted)


def eventually(page: Page, what: Callable[[], object]) -> None:
    """Wait until it is true, while the page goes on."""
    for _ in range(WITHIN // 100):
        if what():
            return
        page.wait_for_timeout(100)
    raise AssertionError("It has not become true.")


def _raise(error: Exception) -> None:
    raise error
