"""Build the real API's errors: `{"error": {"message", "type", "param", "code"}}`."""

from core.json_types import Json
from simulators.openai.faults import Fault


class ApiError(Exception):
    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.error = {"message": message, "type": kind, "param": param, "code": code}

    def shape(self) -> dict[str, object]:
        return {"error": self.error}


def no_key() -> ApiError:
    return ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY).",
    )


def wrong_key(key: str) -> ApiError:
    shown = f"{key[:3]}***{key[-4:]}"
    return ApiError(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")


def no_model(model: str) -> ApiError:
    return _usual("404", model)


def no_such_path(method: str, path: str) -> ApiError:
    return ApiError(404, f"Invalid URL ({method} {path})")


def missing(param: str) -> ApiError:
    return ApiError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def server_error() -> ApiError:
    return _usual("500", "")


def ordered(fault: Fault, model: str) -> ApiError:
    """Return the error that a fault demands."""
    error = _usual(fault.kind, model)
    if fault.code:
        error.error["code"] = fault.code
    if fault.code == "insufficient_quota":
        error.error["type"] = fault.code
        error.error["message"] = "You exceeded your current quota, please check your plan and billing details."
    if fault.retry_after is not None:
        error.headers["retry-after"] = f"{fault.retry_after:g}"
    return error


def _usual(status: str, model: str) -> ApiError:
    message, fields = _USUAL[status]
    return ApiError(int(status), message.format(model=model), **fields)


_RATE_LIMIT = "Rate limit reached for {model} in organization org-simulated on requests per min (RPM): Limit 3, Used 3."
# The message of each status, and the fields that are not the default.
_USUAL: dict[str, tuple[str, Json]] = {
    "400": ("Your request was malformed.", {}),
    "401": ("Incorrect API key provided: sk-***ated.", {"code": "invalid_api_key"}),
    "403": ("Country, region, or territory not supported", {"code": "unsupported_country_region_territory"}),
    "404": (
        "The model `{model}` does not exist or you do not have access to it.",
        {"param": "model", "code": "model_not_found"},
    ),
    "429": (_RATE_LIMIT, {"kind": "requests", "code": "rate_limit_exceeded"}),
    "500": ("The server had an error while processing your request. Sorry about that!", {"kind": "server_error"}),
    "503": ("The engine is currently overloaded, please try again later.", {"kind": "server_error"}),
}
