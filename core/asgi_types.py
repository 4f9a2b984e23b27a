"""Name the types of ASGI."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# A scope or an event. Its keys depend on its type.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Mapping[str, object]], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
