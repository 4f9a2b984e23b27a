from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def grouped(sized: Iterable[tuple[int, Item]], limit: int) -> Iterator[list[Item]]:
    """Group items in their order, each given with its size. A group ends when its sizes add up to `limit` or more."""
    group: list[Item] = []
    total = 0
    for size, item in sized:
        group.append(item)
        total += size
        if total >= limit:
            yield group
            group, total = [], 0
    if group:
        yield group
