"""Name the types of ASGI."""

from collections.abc import Awaitable, Callable
from typing import Any

# A scope or an event. Its keys depend on its type.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
