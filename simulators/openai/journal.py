"""Record the actions of clients, so that tests can assert on them."""

import time
from collections import Counter, defaultdict, deque

# Entries. Bounded so that a long benchmark does not grow.
REMEMBERED = 2000


class Journal:
    """Hold counters since the start or the last reset, and the latest entries. Times are `time.monotonic()`."""

    def __init__(self) -> None:
        # By path, refused requests included.
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        # Answers whose client hung up before the end.
        self.abandoned: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        # Events of talks by type.
        self.events_in: Counter[str] = Counter()
        self.events_out: Counter[str] = Counter()
        self.bytes_in = self.bytes_out = self.tokens_out = 0
        # The usage that the API would bill: tokens, and seconds of audio, by "model unit".
        self.billed: defaultdict[str, float] = defaultdict(float)
        self._clients: set[tuple[str, int] | None] = set()
        self._entries: deque[dict[str, object]] = deque(maxlen=REMEMBERED)

    def begin(self, path: str, client: tuple[str, int] | None) -> None:
        self.requests[path] += 1
        self.under_way[path] += 1
        self._clients.add(client)

    def end(self, path: str) -> None:
        self.under_way[path] -= 1

    def note(self, path: str, **what: object) -> dict[str, object]:
        """Add an entry and return it. The caller may add to it later."""
        entry: dict[str, object] = {"path": path, "at": time.monotonic(), **what}
        self._entries.append(entry)
        return entry

    def bill(self, model: str, **units: float) -> None:
        """Add to what is billed. `units` are those of usage/prices.toml, and seconds."""
        for unit, amount in units.items():
            self.billed[f"{model} {unit}"] += amount

    def shape(self) -> dict[str, object]:
        counters = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        counters["under_way"] = +self.under_way
        return {**counters, "connections_opened": len(self._clients), "log": list(self._entries)}

    def forget(self) -> None:
        """Start again with empty counters. Requests in progress stay counted as such."""
        under_way = self.under_way
        self.__init__()  # type: ignore[misc]
        self.under_way = under_way
