"""Every exception of the client becomes an EngineError without the provider's own words."""

import json

import httpx2
import openai
import pytest

from engines.openai.error_translation import BUSY, GARBLED, GONE, REFUSED, translated
from tutor.domain import EngineError

REQUEST = httpx2.Request("POST", "https://provider.example/v1/chat/completions")
SECRET = "Incorrect API key provided: sk-abc"


def of_status(status: int, code: str | None = None) -> openai.APIStatusError:
    answer = httpx2.Response(status, request=REQUEST)
    return openai.APIStatusError(SECRET, response=answer, body={"code": code, "message": SECRET})


def translation(error: Exception) -> EngineError:
    with pytest.raises(EngineError) as raised, translated("chat", "gpt-0"):
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("error", "message", "retryable"),
    [
        (of_status(401), REFUSED, False),
        (of_status(403), REFUSED, False),
        (of_status(404), REFUSED, False),
        (of_status(400, "invalid_value"), REFUSED, False),
        (of_status(429), BUSY, True),
        (of_status(429, "insufficient_quota"), REFUSED, False),
        (of_status(500), GONE, True),
        (of_status(529), GONE, True),
        (openai.APITimeoutError(REQUEST), GONE, True),
        (openai.APIConnectionError(request=REQUEST), GONE, True),
        (openai.APIError(SECRET, REQUEST, body={"code": SECRET}), GONE, True),
        (openai.OpenAIError(SECRET), GONE, True),
        (httpx2.RemoteProtocolError(SECRET), GONE, True),
        (ConnectionResetError(SECRET), GONE, True),
        (json.JSONDecodeError(SECRET, "", 0), GARBLED, True),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET), GARBLED, True),
    ],
)
def test_an_error_is_translated_without_the_providers_words(error: Exception, message: str, retryable: bool):
    failure = translation(error)
    assert (str(failure), failure.retryable) == (message, retryable)
    assert failure.detail.startswith("chat: ")
    assert "sk-" not in failure.detail


def test_a_model_that_is_missing_is_named():
    assert "'gpt-0'" in translation(of_status(404)).detail


def test_a_code_of_the_api_is_named():
    assert "(400 invalid_value)" in translation(of_status(400, "invalid_value")).detail


def test_other_text_of_the_provider_is_not_repeated():
    assert translation(of_status(400, SECRET)).detail.endswith("(400).")


def test_an_error_of_our_own_stays_as_it_is():
    own = EngineError("It is gone.")
    assert translation(own) is own
