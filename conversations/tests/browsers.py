"""Build what browsers keep of the earlier application, in its own format."""

from typing import Any

from audio.tests.sounds import file_of, tone
from conversations.tests.shapes import START, conversation, data_url, said

BLOB = "blob:http://localhost:3000/5f0c1f9e-6a3c-4f0e-9d65-1b1d0f7d9c11"


def sound(seconds: float = 0.2, hertz: float = 440.0) -> str:
    """Return a small recording as a data URL."""
    return data_url(file_of(tone(seconds, hertz), "webm", "libopus", rate=48_000))


def nested(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return an entry of `conversationHistory` with the learner's voice, and a dead link to one of the agent's."""
    at = START + number * 86_400_000
    messages = [
        said("Where are you from?", by="assistant", at=at, audioData=BLOB),
        said(f"I come from Hanoi, and it is day {number}.", at=at + 5_000, audioData=sound(hertz=300 + number)),
    ]
    return conversation(f"conv-{at}-abcdefg", startTime=at, endTime=at + 60_000, messages=messages) | fields


def flat(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a legacy entry under the same key."""
    at = START + number * 86_400_000
    return {
        "id": f"conv_{at}_abcdefghi",
        "topic": "Food",
        "difficulty": 2,
        "timeLimit": 5,
        "voice": "nova",
        "language": "en",
        "mode": "interview",
        "startTime": at,
        "endTime": at + 120_000,
        "duration": 2,
        "messages": [
            {"id": "1", "text": "What do you eat?", "isUser": False, "timestamp": at},
            {"id": "2", "text": "I eats rice.", "isUser": True, "timestamp": at + 4_000, "audioUrl": BLOB},
        ],
    } | fields


def oldest(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return an entry of `englishPracticeConversations`."""
    at = START + number * 86_400_000
    return {
        "id": f"conv_{at}_zzzzzzzzz",
        "topic": "Weather",
        "difficulty": "1",
        "timeLimit": "3",
        "voice": "alloy",
        "language": "en",
        "timestamp": at,
        "messages": [
            {
                "id": "m1",
                "role": "assistant",
                "content": "How is the weather?",
                "timestamp": "2024-05-01T00:00:00.000Z",
            },
            {
                "id": "m2",
                "role": "user",
                "content": "It rain.",
                "timestamp": "2024-05-01T00:00:07.000Z",
                "audioUrl": BLOB,
            },
        ],
    } | fields


SETTINGS = {"language": "en", "timeLimit": "3", "difficulty": "4", "voice": "alloy", "prompt": "Be kind."}
