"""Translate the exceptions of the `openai` client and its dependencies into EngineError.

The provider's own words reach neither a learner nor the log, because they may contain a piece of the key. An operator
needs the kind of failure and the setting to look at.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx2
import openai
import websockets

from tutor.domain import EngineError, UnusableAnswer

BUSY = "The language service is busy."
GONE = "The language service cannot be reached."
REFUSED = "The language service cannot be used now."
GARBLED = "The language service gave an answer that cannot be used."

_CODE = re.compile(r"[a-z_]{1,60}")


@contextmanager
def translated(what: str, model: str = "") -> Iterator[None]:
    """Translate every exception of a call to a provider into EngineError. `what` names the call for operators: "chat"."""
    try:
        yield
    except openai.APIStatusError as error:
        raise _of_status(what, model, error.status_code, error.code) from error
    except websockets.InvalidStatus as error:
        raise _of_status(what, model, error.response.status_code, None) from error
    except (openai.APITimeoutError, TimeoutError) as error:
        if lost := _lost(error):
            raise _cut(what, lost) from error
        raise EngineError(GONE, retryable=True, detail=f"{what}: no answer in time.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, openai.APIResponseValidationError) as error:
        raise EngineError(GARBLED, retryable=True, detail=f"{what}: the answer cannot be read.") from error
    except (openai.APIConnectionError, httpx2.TransportError, websockets.WebSocketException, OSError) as error:
        raise _cut(what, _lost(error) or error) from error
    # An error event in the middle of a stream.
    except openai.APIError as error:
        raise broken_off(what, error.code) from error
    # An error of the client itself: the socket was closed before everything was sent.
    except openai.OpenAIError as error:
        raise EngineError(GONE, retryable=True, detail=f"{what}: {type(error).__name__}.") from error


def broken_off(what: str, code: object) -> EngineError:
    """Return the error for an event that reports a failure. `code` is the provider's name for it."""
    return EngineError(GONE, retryable=True, detail=f"{what}: the provider broke off ({_plain(code) or 'no reason'}).")


def retry_after(error: EngineError) -> float | None:
    """Return the seconds that the provider asks to wait before a retry, or None if it does not say."""
    cause = error.__cause__
    header = cause.response.headers.get("retry-after", "") if isinstance(cause, openai.APIStatusError) else ""
    try:
        return float(header)
    # No header, or a date.
    except ValueError:
        return None


def _cut(what: str, error: BaseException) -> EngineError:
    detail = f"{what}: the connection failed or was cut ({type(error).__name__})."
    return EngineError(GONE, retryable=True, detail=detail)


def _lost(error: BaseException | None) -> BaseException | None:
    """Return the error that lost the connection, or None.

    The client's transport reports any loss as a timeout (openai 3.54), so the cause is searched for.
    """
    while error and (isinstance(error, TimeoutError) or not isinstance(error, aiohttp.ClientConnectionError)):
        error = error.__cause__
    return error


def _of_status(what: str, model: str, status: int, code: str | None) -> EngineError:
    if status == 429 and code == "insufficient_quota":
        return EngineError(REFUSED, detail=f"{what}: the account has no quota left (429).")
    if status == 429:
        return EngineError(BUSY, retryable=True, detail=f"{what}: too many requests (429).")
    if status in (401, 403):
        return EngineError(REFUSED, detail=f"{what}: the key is refused ({status}). Check OPENAI_API_KEY.")
    if status == 404:
        return EngineError(
            REFUSED, detail=f"{what}: there is no model {model!r}, or no such service, at this address (404)."
        )
    if status >= 500:
        return EngineError(GONE, retryable=True, detail=f"{what}: the provider failed ({status}).")
    return UnusableAnswer(
        REFUSED, detail=f"{what}: the provider refused the request ({f'{status} {_plain(code)}'.strip()})."
    )


def _plain(code: object) -> str:
    """Return the code if it looks like one of the API's, or "" for any other text of a server."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
