"""Ask a provider's `/moderations` what is in a text. It never fails: without an answer, the word list judges alone."""

import asyncio
import logging
import math
import time
from weakref import WeakKeyDictionary

from openai import AsyncOpenAI

from engines.openai import endpoints
from engines.openai.clients import client, model
from engines.openai.error_translation import GARBLED, translated
from tutor.domain import EngineError
from tutor.moderation import Category

logger = logging.getLogger(__name__)

# Seconds. No voice waits for a judgement, but a late one is of no use.
WITHIN = 3.0
# Seconds without a request after a failure.
REST = 30.0
# Characters of a text that are sent.
LONGEST = 4_000

# The API's categories, those of omni-moderation. "violence" is left out: news, films and adventures are full of it.
_CATEGORIES = {
    "harassment": Category.RUDE,
    "harassment/threatening": Category.THREAT,
    "hate": Category.HATE,
    "hate/threatening": Category.HATE,
    "illicit": Category.ADULT,
    "illicit/violent": Category.THREAT,
    "self-harm": Category.SELF_HARM,
    "self-harm/intent": Category.SELF_HARM,
    "self-harm/instructions": Category.SELF_HARM,
    "sexual": Category.SEXUAL,
    "sexual/minors": Category.MINORS,
    "violence/graphic": Category.ADULT,
}
INSTRUCTIONS = "self-harm/instructions"

# Clients that are not asked, until this time of time.monotonic().
_resting: WeakKeyDictionary[AsyncOpenAI, float] = WeakKeyDictionary()


async def judge(text: str) -> frozenset[Category]:
    """Return the categories that the provider finds in the text. Nothing while the endpoint is off, missing or failing."""
    if not (endpoints.moderation() and text.strip()):
        return frozenset()
    server = client("moderation")
    if time.monotonic() < _resting.get(server, 0.0):
        return frozenset()
    try:
        with translated("moderation", model("moderation")):
            async with asyncio.timeout(WITHIN):
                body = {"model": model("moderation"), "input": text[:LONGEST]}
                answer = await server.post("/moderations", body=body, cast_to=object)
        return _read(answer)
    except EngineError as error:
        is_missing = getattr(error.__cause__, "status_code", None) == 404
        # Other judgements under way may have failed at the same time. One line is enough.
        if time.monotonic() >= _resting.get(server, 0.0):
            logger.warning("The word list judges alone%s: %s", "" if is_missing else " for now", error.detail)
        _resting[server] = math.inf if is_missing else time.monotonic() + REST
        return frozenset()


def _read(answer: object) -> frozenset[Category]:
    """Return the categories in an answer, which may be any JSON. Raises EngineError."""
    try:
        found = answer["results"][0]["categories"]  # type: ignore[index]
        flagged = {name for name, is_flagged in found.items() if is_flagged is True}
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise EngineError(GARBLED, detail="moderation: the answer has an unknown shape.") from error
    # How to hurt oneself is nothing that the agent may say, either. It may speak of despair, to console.
    more = {Category.THREAT} if INSTRUCTIONS in flagged else set()
    return frozenset({_CATEGORIES[name] for name in flagged if name in _CATEGORIES} | more)
