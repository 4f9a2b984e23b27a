"""Hold the state of the running provider, which every endpoint shares and `/control` changes."""

from collections.abc import Collection
from itertools import count

from core.json_types import Json
from simulators.openai.faults import Fault, Faults
from simulators.openai.journal import Journal
from simulators.openai.scripted_words import Script
from simulators.openai.simulator_settings import BadSetting, Settings, checked

ORDERS = {"settings", "faults", "clear_faults", "reset"}


class Simulation:
    def __init__(self, settings: Settings) -> None:
        self._first_settings = settings
        self.settings = settings
        self.faults = Faults()
        self.journal = Journal()
        self.script = Script(settings)
        # uvicorn's currently open connections.
        self.connections: Collection[object] = ()
        self._numbers = count(1)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):08d}"

    def obey(self, orders: Json) -> None:
        """Apply orders in this sequence: `reset`, `settings`, `clear_faults`, and `faults` to add.

        Raises BadSetting, and then changes nothing.
        """
        if unknown := orders.keys() - ORDERS:
            raise BadSetting(f"There is no order {', '.join(sorted(unknown))}.")
        before = self._first_settings if orders.get("reset") else self.settings
        changes = orders.get("settings", {})
        settings = before.changed(changes)
        added = [checked(Fault, each) for each in orders.get("faults", [])]
        if orders.get("reset"):
            self.journal.forget()
            self.script = Script(settings)
        if orders.get("reset") or orders.get("clear_faults"):
            self.faults.set.clear()
        self.faults.set += added
        self.settings = self.script.settings = settings
        self.script.rewind(changes.keys())

    def shape(self) -> dict[str, object]:
        """Return counters, log and settings. The caller's own connection is not counted."""
        open_now = {"connections_open": len(self.connections) - 1}
        return {**self.journal.shape(), **open_now, "settings": self.settings.model_dump()}
