"""Run Chromium with a microphone that plays a file."""

import os
import re
import shutil
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
]
# Milliseconds. A loaded machine may stall.
WITHIN = 60_000
# Record the states that #main passes through, because a state may be over before a test looks.
RECORD_STATES = """() => {
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


def executable() -> str | None:
    """Return the path of the system's Chromium, or None for Playwright's own, if that is installed."""
    names = (os.environ.get("CHROMIUM"), "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


class Browsers:
    """Start Playwright once for a module, and one browser for all its tests that need no microphone file.

    Starting both takes 2 s, opening a browser context 0.5 s. They end with the module: Playwright's event loop counts as
    running, so Django's ORM and asynchronous tests refuse to run beside it.
    """

    current: "Browsers | None" = None

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._shared: Browser | None = None

    @classmethod
    @contextmanager
    def of_module(cls) -> Iterator[None]:
        with sync_playwright() as playwright:
            cls.current = cls(playwright)
            try:
                yield
            finally:
                cls.current = None

    def launch(self, *arguments: str) -> Browser:
        return self._playwright.chromium.launch(executable_path=executable(), args=[*ARGUMENTS, *arguments])

    @contextmanager
    def shared(self) -> Iterator[Browser]:
        if self._shared is None or not self._shared.is_connected():
            self._shared = self.launch()
        others = set(self._shared.contexts)
        try:
            yield self._shared
        finally:
            for context in set(self._shared.contexts) - others:
                context.close()


@contextmanager
def chromium(microphone: Path | None = None, *extra: str) -> Iterator[Browser]:
    """Open a browser. Close all its pages at the end. `microphone` is the file that it plays from the start."""
    fed = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
    if Browsers.current is None:
        with sync_playwright() as playwright:
            browser = Browsers(playwright).launch(*fed, *extra)
            yield browser
            browser.close()
    elif fed or extra:
        browser = Browsers.current.launch(*fed, *extra)
        try:
            yield browser
        finally:
            browser.close()
    else:
        with Browsers.current.shared() as browser:
            yield browser


def new_page(context: BrowserContext) -> Page:
    """Open a page on which an error in a script fails the test."""
    page = context.new_page()
    page.on("pageerror", _raise)
    return page


def record_states(page: Page) -> None:
    """Record the states from now on, for `expect_states`."""
    page.evaluate(RECORD_STATES)


def expect_states(page: Page, *states: str) -> None:
    """Wait until the talk has passed through these states in this order, however briefly."""
    noted = re.compile("".join(f" {state}\\b.*" for state in states))
    expect(page.locator("#main")).to_have_attribute("data-been", noted)


def wait_for_paint(page: Page) -> None:
    """Wait until the browser has drawn the latest changes."""
    page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")


def eventually(page: Page, what: Callable[[], object], name: str = "It") -> None:
    """Wait until the condition is true, while the page continues."""
    for _ in range(WITHIN // 100):
        if what():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} has not become true.")


def _raise(error: Exception) -> None:
    raise error
