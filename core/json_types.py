"""Define the types of JSON whose keys this project does not know."""

from typing import Any

# An object that is parsed, or passed on, without its keys being known: an older client's, a provider's, an event's.
Json = dict[str, Any]
