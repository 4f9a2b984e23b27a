"""What the provider says in its events of a failure, as the engine's one error; its own words go nowhere."""

from typing import Any

from tutor.engines.base import EngineError
from tutor.provider.errors import BUSY, GARBLED, GONE, REFUSED

NEEDS_AN_OPERATOR = {"insufficient_quota", "invalid_api_key", "billing_hard_limit_reached", "model_not_found"}


def of_error(error: dict[str, Any]) -> EngineError:
    code = str(error.get("code") or error.get("type") or "unknown")
    if code in NEEDS_AN_OPERATOR:
        return EngineError(REFUSED, detail=f"the realtime session: {code}.")
    if code == "rate_limit_exceeded":
        return EngineError(BUSY, retryable=True, detail="the realtime session: too many requests.")
    return EngineError(GONE, retryable=True, detail=f"the realtime session: the provider failed ({code}).")


def of_response(response: dict[str, Any]) -> EngineError:
    """Of one that ended before its first word."""
    details = response.get("status_details") or {}
    if response.get("status") == "failed":
        return of_error(details.get("error") or {})
    reason = details.get("reason") or "an empty answer"
    return EngineError(GARBLED, retryable=True, detail=f"the realtime session: no answer ({reason}).")


def refused(error: dict[str, Any]) -> EngineError:
    """Of the session that we asked for."""
    what = error.get("param") or error.get("code") or "the session"
    return EngineError(REFUSED, detail=f"the realtime session: the provider refuses {what}.")


def garbled() -> EngineError:
    return EngineError(GARBLED, retryable=True, detail="the realtime session: an event cannot be read.")
