"""Read table.toml."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

OUTCOMES = ("absent", "refused", "open", "facts", "words", "changes")
PATH = Path(__file__).with_name("table.toml")


class AccessTable:
    """Hold the expected outcome of each call, by principal.

    `calls` are HTTP calls, `events` those of the WebSocket, `actions` those of the admin. `bodies` are what calls send.
    """

    def __init__(self) -> None:
        found = tomllib.loads(PATH.read_text())
        self.columns: list[str] = found["columns"].split()
        self.like: dict[str, str] = found["like"]
        self.unlike: dict[str, dict[str, str]] = found["unlike"]
        self.bodies: dict[str, str] = found["bodies"]
        self.calls, self.events, self.actions = (self._rows(found[name]) for name in ("calls", "events", "actions"))

    def _rows(self, rows: dict[str, str]) -> dict[str, dict[str, str]]:
        return {name: self._row(name, words.split()) for name, words in rows.items()}

    def _row(self, name: str, words: list[str]) -> dict[str, str]:
        assert len(words) == len(self.columns), f"{name} has {len(words)} outcomes, not {len(self.columns)}."
        row = dict(zip(self.columns, words, strict=True))
        for principal, other in self.like.items():
            found = [word for pattern, word in self.unlike.get(principal, {}).items() if fnmatchcase(name, pattern)]
            row[principal] = [row[other], *found][-1]
        assert set(row.values()) <= set(OUTCOMES), f"{name} has an unknown outcome: {row}."
        return row
