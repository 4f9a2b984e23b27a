"""Declare on the method of a view how large a body it takes. `talking_agent.limits` enforces it before Django reads the body."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.urls import Resolver404, resolve

# Bytes of a body, unless a view expects more.
SMALL = 4 * 1024 * 1024

Method = TypeVar("Method", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Door:
    """Hold the limits of a method. `most`: bytes of a body. `heavy`: even a small body can cause much work."""

    most: int = SMALL
    heavy: bool = False


def door(*, most: int, heavy: bool = False) -> Callable[[Method], Method]:
    def declared(method: Method) -> Method:
        method.door = Door(most, heavy)  # type: ignore[attr-defined]
        return method

    return declared


def door_at(path: str, http_method: str) -> Door:
    """Return the door of the method that serves this path, or the default one."""
    try:
        view = resolve(path).func
    except Resolver404:
        return Door()
    name = http_method.lower()
    served = getattr(getattr(view, "cls", None), getattr(view, "actions", {}).get(name, name), None)
    return getattr(served, "door", Door())
