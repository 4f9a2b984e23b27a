"""Measure how fast a learner's pages of learning open, with a few talks and with many: milliseconds, p50 and p95.

    python bench/learning.py [--quick]

One learner has 2,000 talks with 10,000 kinds of mistakes in PostgreSQL (--quick: 200 and 1,000), and another a tenth of that.
Their mistakes, reviews, plan for today and progress are read over HTTP. It also shows how long it takes until all talks are
counted for the first time. PostgreSQL runs without fsync.
"""

import argparse
import json
import statistics
import sys
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.rest import Rest
from bench.store import serving, set_up_django, started
from tests.servers import PostgresServer
from tests.servers.postgresql import temporary_folder

TALKS, QUICK_TALKS = 2000, 200
TURNS = 8
MISTAKES_IN_A_TALK = 5
TIMES = 60
# Milliseconds at the 95th percentile.
LIMIT_MS = 150
PAGES = {
    "today": "/api/today?zone=Europe/Berlin&level=B1",
    "progress": "/api/progress?zone=Europe/Berlin",
    "mistakes": "/api/mistakes",
    "reviews": "/api/reviews/next",
}
SAID = "Yesterday I goed{number} to the market with my brother and we talked about the environment and the weather."
ASKED = "That sounds like a good day. What did you buy there, and who decided what to cook in the evening?"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within a minute")
    quick = options.parse_args().quick
    talks = QUICK_TALKS if quick else TALKS
    results: dict[str, Any] = {"bench": "learning", "quick": quick, "talks": talks}
    with ExitStack() as stack:
        postgres = started(stack, PostgresServer(temporary_folder("bench-postgresql")))
        agent = serving(stack, postgres.env)
        set_up_django(agent, postgres.env)
        print(f"{'milliseconds':<24}{'talks':>8}{'p50':>9}{'p95':>9}")
        for count in (talks // 10, talks):
            learner = uuid.uuid4()
            fill(learner, count)
            client = Rest(agent.url, learner)
            began = time.perf_counter()
            while client.get(PAGES["progress"])["unread"]:
                pass
            results[f"first_reading_s_{count}"] = round(time.perf_counter() - began, 1)
            for name, path in PAGES.items():
                results[f"{name}_{count}"] = measured(client, name, path, count)
    slow = [name for name, value in results.items() if isinstance(value, dict) and value["p95"] > LIMIT_MS]
    results["over_limit"] = slow
    print(json.dumps(results))


def measured(client: Rest, name: str, path: str, talks: int) -> dict[str, float]:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.get(path)
        took.append((time.perf_counter() - began) * 1000)
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    print(f"{name:<24}{talks:>8}{p50:9.1f}{p95:9.1f}")
    return {"p50": round(p50, 1), "p95": round(p95, 1)}


def fill(learner: uuid.UUID, talks: int) -> None:
    """Write talks as they are stored, one a day. Each has its own mistakes, so that no two are of the same kind."""
    from conversations.changes import conversation_key, message_key
    from conversations.models import Conversation, Message

    newest = datetime.now(UTC) - timedelta(minutes=10)
    for start in range(0, talks, 200):
        conversations, messages = [], []
        for number in range(start, min(talks, start + 200)):
            at, wire_id = newest - timedelta(hours=20 * number), f"talk-{number}"
            key = conversation_key(learner, wire_id)
            own = {"learner": learner, "created_at": at, "updated_at": at, "stamps": {}}
            config = {"scenario": ("travel", "food", "work")[number % 3], "level": "B1"}
            conversations.append(
                Conversation(id=key, wire_id=wire_id, config=config, timestamp=at, duration=6.0, **own)
            )
            for turn in range(2 * TURNS):
                name, is_user = f"m-{turn}", turn % 2 == 1
                kind = number * MISTAKES_IN_A_TALK + turn // 2
                wrong = is_user and turn // 2 < MISTAKES_IN_A_TALK
                messages.append(
                    Message(
                        id=message_key(key, name),
                        conversation_id=key,
                        wire_id=name,
                        role="user" if is_user else "assistant",
                        content=SAID.format(number=word(kind)) if is_user else ASKED,
                        timestamp=at + timedelta(seconds=15 * turn),
                        corrections=[correction(word(kind))] if wrong else [],
                        measured=measurement(number + turn) if is_user else {},
                        **own,
                    )
                )
        Conversation.objects.using("default").bulk_create(conversations)
        Message.objects.using("default").bulk_create(messages)


def word(number: int) -> str:
    """Return letters that are different for each number."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(4))


def correction(letters: str) -> dict[str, object]:
    said = f"goed{letters}"
    return {
        "said": said,
        "better": f"went{letters}",
        "why": "",
        "category": "tense",
        "start": 12,
        "end": 12 + len(said),
    }


def measurement(number: int) -> dict[str, object]:
    return {"engine": "local", "speech_ms": 5000 + 37 * (number % 29), "pauses_ms": [300 + 11 * (number % 17), 420]}


if __name__ == "__main__":
    main()
