"""Read table.toml."""

import tomllib
from pathlib import Path

OUTCOMES = ("absent", "refused", "open", "facts", "words", "changes")
PATH = Path(__file__).with_name("table.toml")


class AccessTable:
    """Hold the expected outcome of each call, by principal.

    `calls` are HTTP calls, `events` those of the WebSocket, `actions` those of the admin. `bodies` are JSON, by call.
    """

    def __init__(self) -> None:
        found = tomllib.loads(PATH.read_text())
        self.columns: list[str] = found["columns"].split()
        self.like: dict[str, str] = found["like"]
        self.bodies: dict[str, str] = found["bodies"]
        self.calls, self.events, self.actions = (self._rows(found[name]) for name in ("calls", "events", "actions"))

    def _rows(self, rows: dict[str, str]) -> dict[str, dict[str, str]]:
        return {name: self._row(name, words.split()) for name, words in rows.items()}

    def _row(self, name: str, words: list[str]) -> dict[str, str]:
        assert len(words) == len(self.columns), f"{name} has {len(words)} outcomes, not {len(self.columns)}."
        assert set(words) <= set(OUTCOMES), f"{name} has an unknown outcome: {words}."
        row = dict(zip(self.columns, words, strict=True))
        return row | {column: row[other] for column, other in self.like.items() if column not in row}
