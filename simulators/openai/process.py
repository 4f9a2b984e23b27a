"""Run the provider in a separate process, for tests and benchmarks."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from core.json_types import Json

ROOT = Path(__file__).resolve().parents[2]


class OrderRefused(ValueError):
    """Report an order that the provider does not understand. The message names it."""


class Provider:
    """Start, stop and control the provider's process.

    `start` and `stop` may be repeated, and the port stays the same. `settings` are those of
    `simulators.openai.simulator_settings`, faults those of `simulators.openai.faults`. The process ends with the one that started
    it, however that ends.
    """

    def __init__(self, *, port: int = 0, **settings: object) -> None:
        self.port = port
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Return the `base_url` for the `openai` client."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> "Provider":
        command = [sys.executable, "-m", "simulators.openai", "--port", str(self.port), "--until-stdin-closes"]
        command += ["--settings", json.dumps(self._settings)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        listening = self._process.stdout.readline()
        if not listening:
            raise RuntimeError("The simulated provider did not start.")
        self.port = int(listening.rpartition(":")[2].partition("/")[0])
        return self

    def stop(self) -> None:
        """Kill the process at once, as if the machine had failed. It has nothing to save."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> "Provider":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def configure(self, **settings: object) -> None:
        """Change settings while it runs. Of `delays`, only the named ones change. Raises OrderRefused."""
        self._control(settings=settings)

    def fail(self, path: str, kind: str, **how: object) -> None:
        """Add a fault after those already set. `how` is as in `simulators.openai.faults.Fault`. Raises OrderRefused."""
        self._control(faults=[{"path": path, "kind": kind, **how}])

    def clear_faults(self) -> None:
        self._control(clear_faults=True)

    def reset(self, **settings: object) -> None:
        """Return to the settings of the start with these changes, and clear the faults and the journal."""
        self._control(reset=True, settings=settings)

    def seen(self) -> Json:
        """Return counters, log and settings, as `simulators.openai.journal.Journal.shape` does."""
        return self._control()

    def log(self, path: str) -> list[Json]:
        """Return the log entries for this path."""
        return [entry for entry in self.seen()["log"] if entry["path"] == path]

    def _control(self, **orders: object) -> Json:
        """Send these orders, if any, and return the state of the provider. Raises OrderRefused."""
        body = json.dumps(orders).encode() if orders else None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/control", body, timeout=10) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise OrderRefused(json.load(error)["error"]["message"]) from error
