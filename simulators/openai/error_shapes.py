"""Build the real API's errors: `{"error": {"message", "type", "param", "code"}}`."""

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
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
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
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, param="model", code="model_not_found")


def no_such_path(method: str, path: str) -> ApiError:
    return ApiError(404, f"Invalid URL ({method} {path})")


def missing(param: str) -> ApiError:
    return ApiError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def ordered(fault: Fault, model: str) -> ApiError:
    """Return the error that a fault demands."""
    error = _USUAL[fault.kind](model)
    if fault.code:
        error.error["code"] = fault.code
    if fault.code == "insufficient_quota":
        error.error["type"] = fault.code
        error.error["message"] = "You exceeded your current quota, please check your plan and billing details."
    if fault.retry_after is not None:
        error.headers["retry-after"] = f"{fault.retry_after:g}"
    return error


def server_error() -> ApiError:
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(500, message, kind="server_error")


_USUAL = {
    "400": lambda model: ApiError(400, "Your request was malformed."),
    "401": lambda model: wrong_key("sk-simulated"),
    "403": lambda model: ApiError(
        403, "Country, region, or territory not supported", code="unsupported_country_region_territory"
    ),
    "404": no_model,
    "429": lambda model: ApiError(
        429,
        f"Rate limit reached for {model} in organization org-simulated on requests per min (RPM): Limit 3, Used 3.",
        kind="requests",
        code="rate_limit_exceeded",
    ),
    "500": lambda model: server_error(),
    "503": lambda model: ApiError(
        503, "The engine is currently overloaded, please try again later.", kind="server_error"
    ),
}
