"""Turn the failures in the provider's events into EngineError, without the provider's own words."""

import re

from engines.openai.error_translation import BUSY, GARBLED, REFUSED, broken_off
from engines.openai.realtime import ServerEvent
from engines.openai_realtime.connection import WHAT
from tutor.domain import EngineError

NEEDS_AN_OPERATOR = {"insufficient_quota", "invalid_api_key", "billing_hard_limit_reached", "model_not_found"}

_PLAIN = re.compile(r"[a-z_.]{1,80}")


def of_error(error: ServerEvent) -> EngineError:
    code = str(error.get("code") or error.get("type"))
    if code in NEEDS_AN_OPERATOR:
        return EngineError(REFUSED, detail=f"{WHAT}: {code}.")
    if code == "rate_limit_exceeded":
        return EngineError(BUSY, retryable=True, detail=f"{WHAT}: too many requests.")
    return broken_off(WHAT, code)


def of_response(response: ServerEvent) -> EngineError:
    """Return the error for a response that ended before its first word."""
    details = response.get("status_details") or {}
    if response.get("status") == "failed":
        return of_error(details.get("error") or {})
    reason = plain(details.get("reason") or "an_empty_answer")
    return EngineError(GARBLED, retryable=True, detail=f"{WHAT}: no answer ({reason}).")


def refused(error: ServerEvent) -> EngineError:
    """Return the error for a session whose configuration the provider refuses."""
    what = plain(error.get("param") or error.get("code"))
    return EngineError(REFUSED, detail=f"{WHAT}: the provider refuses {what}.")


def plain(name: object) -> str:
    """Return the API's name of a setting or a failure, or "something" in place of any other text of a server."""
    return name if isinstance(name, str) and _PLAIN.fullmatch(name) else "something"
