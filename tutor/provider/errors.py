"""What the `openai` client and what it stands on can raise, as the engine's one error.

The provider's own words never reach a learner, nor the log: they may hold a piece of the key. What an operator needs is the
kind of failure and the setting to look at.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx2
import openai
import websockets

from tutor.engines.base import EngineError, Unusable

BUSY = "The language service is busy."
GONE = "The language service cannot be reached."
REFUSED = "The language service cannot be used now."
GARBLED = "The language service gave an answer that cannot be used."

_CODE = re.compile(r"[a-z_]{1,60}")


@contextmanager
def translated(what: str, model: str = "") -> Iterator[None]:
    """Around whatever is asked of a provider. `what`, for operators: "chat", "the realtime session". Raises EngineError."""
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
    except openai.APIError as error:  # an error event in the middle of a stream
        raise broken_off(what, error.code) from error
    except openai.OpenAIError as error:  # of the client itself: a socket that was closed with something unsent
        raise EngineError(GONE, retryable=True, detail=f"{what}: {type(error).__name__}.") from error


def broken_off(what: str, code: object) -> EngineError:
    """For an event that tells of a failure. `code`: what the provider calls it."""
    return EngineError(GONE, retryable=True, detail=f"{what}: the provider broke off ({_plain(code) or 'no reason'}).")


def _cut(what: str, error: BaseException) -> EngineError:
    detail = f"{what}: the connection failed or was cut ({type(error).__name__})."
    return EngineError(GONE, retryable=True, detail=detail)


def _lost(error: BaseException | None) -> BaseException | None:
    """What a connection was lost by: the client's transport calls that a timeout, whatever it was (openai 3.54)."""
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
    return Unusable(REFUSED, detail=f"{what}: the provider refused the request ({f'{status} {_plain(code)}'.strip()}).")


def _plain(code: object) -> str:
    """A code of the API, and not whatever else a server may write there."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
