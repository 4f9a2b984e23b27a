"""Build conversations in JSON, as clients of the contract send them."""

import base64
from typing import Any

START = 1_714_521_600_000  # 2024-05-01, ms


def conversation(wire_id: str = "conv-1714521600000-abcdefg", **fields: Any) -> dict[str, Any]:
    return {
        "id": wire_id,
        "timestamp": "2024-05-01T00:00:00.000Z",
        "messages": [said("Where are you from?", by="assistant"), said("I come from Hanoi.", at=START + 5_000)],
        "config": {
            "topic": "Travel",
            "difficulty": 3,
            "voice": "alloy",
            "timeLimit": 5,
            "language": "en",
            "mode": "casual-chat",
        },
        "callEnded": True,
        "timeRemaining": 12,
        "startTime": START,
        "endTime": START + 60_000,
        "duration": 1.5,
        **fields,
    }


def said(content: str, *, by: str = "user", at: int = START, **fields: Any) -> dict[str, Any]:
    prefix = "ai" if by == "assistant" else "user"
    return {"id": f"{prefix}-{at}", "role": by, "content": content, "timestamp": at, **fields}


def data_url(data: bytes, content_type: str = "audio/webm;codecs=opus") -> str:
    return f"data:{content_type};base64,{base64.b64encode(data).decode()}"
