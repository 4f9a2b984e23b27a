"""Run a proxy in front of a real S3 server that makes it behave like the server of another maker.

It refuses the same requests with the same messages, and passes all others on.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from tests.servers.s3_proxy import ProxyHandler, S3Proxy, serving

CHECKSUMS = ("x-amz-checksum", "x-amz-sdk-checksum")
KMS_KEY = "arn:aws:kms:us-east-1:111122223333:key/0f1e2d3c"
USER = "arn:aws:iam::111122223333:user/talk"

Headers: TypeAlias = dict[str, str]
Refusal: TypeAlias = tuple[int, str, str]
Habit: TypeAlias = Callable[[str, str, Headers], Refusal | None]


def without_checksums(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse every request with a checksum header, as Backblaze B2 does."""
    if header := next((name for name in headers if name.startswith(CHECKSUMS)), ""):
        return 400, "InvalidArgument", f"Unsupported header '{header}' received for this API call."
    return None


def without_checksums_in_writing(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse only some checksum headers, with a general message that something is not implemented."""
    if method == "PUT" and "x-amz-checksum-sha256" in headers:
        return 501, "NotImplemented", "A header you provided implies functionality that is not implemented."
    return None


def without_checksums_in_looking(method: str, path: str, headers: Headers) -> Refusal | None:
    return (400, "InvalidArgument", "Invalid Argument") if "x-amz-checksum-mode" in headers else None


def without_head(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse HEAD, as gateways do that allow only GET."""
    return (405, "MethodNotAllowed", "The specified method is not allowed.") if method == "HEAD" else None


def without_kms_key(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse the KMS key of the bucket's encryption, while s3:PutObject itself is allowed."""
    return _denied("kms:GenerateDataKey", KMS_KEY) if method == "PUT" and _names_object(path) else None


def with_kms_for_writing_only(method: str, path: str, headers: Headers) -> Refusal | None:
    return _denied("kms:Decrypt", KMS_KEY) if method in ("GET", "HEAD") and _names_object(path) else None


def with_expired_token(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse an expired session token. Only a request that carries one can be refused for it."""
    return (400, "ExpiredToken", "The provided token has expired.") if "x-amz-security-token" in headers else None


def with_a_full_account(method: str, path: str, headers: Headers) -> Refusal | None:
    refused = 403, "AccessDenied", "Cannot upload files, storage cap exceeded. See the Caps & Alerts page."
    return refused if method == "PUT" and _names_object(path) else None


def _denied(action: str, resource: str) -> Refusal:
    because = f"because no identity-based policy allows the {action} action"
    return 403, "AccessDenied", f"User: {USER} is not authorized to perform: {action} on resource: {resource} {because}"


def _names_object(path: str) -> bool:
    return "/" in path.partition("?")[0].strip("/")


class Front(S3Proxy):
    """Refuse requests as `habit` says, and count them by method in `refused`. `paths` holds the paths of all requests.

    With `damages`, change a byte of each body.
    """

    def __init__(self, upstream: int, habit: Habit) -> None:
        super().__init__(upstream, Handler)
        self.habit = habit
        self.damages = False
        self.paths: list[str] = []
        self.refused: Counter[str] = Counter()


class Handler(ProxyHandler):
    server: Front
    # A server without checksums does not send any, either.
    hidden = CHECKSUMS

    def handle_request(self, body: bytes) -> None:
        self.server.paths.append(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if refused := self.server.habit(self.command, self.path, headers):
            self.server.refused[self.command] += 1
            self.refuse(*refused)
        else:
            is_damaged = body and self.server.damages
            self.answer_with(*self.pass_on(bytes([body[0] ^ 1]) + body[1:] if is_damaged else body))


def fronted(port: int, habit: Habit) -> AbstractContextManager[Front]:
    """Run the proxy in front of the S3 server on this port."""
    return serving(Front(port, habit))
