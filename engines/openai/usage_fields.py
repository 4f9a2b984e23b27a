"""Read the `usage` of a provider's answer. It may be any JSON, because invalid usage must not cost the answer."""

from core.json_types import Json


def fields_of(usage: object) -> Json:
    """Return the fields of a `usage` or of one of its details, none for any other JSON."""
    return usage if isinstance(usage, dict) else {}


def tokens(usage: Json, name: str) -> int:
    """Return the number of tokens in a field. Counts anything else as 0."""
    found = usage.get(name)
    return found if isinstance(found, int) else 0


def seconds(usage: Json) -> float:
    """Return the seconds of audio. Counts anything but a number as 0."""
    found = usage.get("seconds")
    return float(found) if isinstance(found, int | float) else 0.0
