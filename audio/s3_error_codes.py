"""Find the kind of an S3 server's error: by code and message, or by the exception if no answer came."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

import urllib3
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from urllib3 import exceptions as http

from audio.s3_errors import Kind, Trouble

LONGEST_QUOTE = 300  # characters
REFUSED = "AccessDenied AllAccessDisabled UnauthorizedAccess Forbidden Unauthorized"
INVALID = "InvalidArgument InvalidRequest BadRequest"
MOVED = "PermanentRedirect TemporaryRedirect Redirect"
# Vague codes, a pattern of the message, and the kind. The first row that matches both counts.
PATTERNS = (
    (REFUSED, r"kms:\w+|\bKMS\b.*(ciphertext|denied|not authori[sz]ed|access)", Kind.KMS_DENIED),
    (
        f"{REFUSED} {INVALID}",
        r"\bKMS\b.*(disabled|not exist|invalid|pending|not found)|kms.*arn.*invalid",
        Kind.KMS_UNUSABLE,
    ),
    (f"{REFUSED} {INVALID}", r"server.?side.?encryption", Kind.ENCRYPTION_DEMANDED),
    (f"{REFUSED} {INVALID}", r"object.?lock|\bWORM\b|retention|legal hold", Kind.LOCKED),
    (f"{REFUSED} {INVALID} UserProjectMissing", r"requester.?pays|request-payer", Kind.REQUESTER_PAYS),
    (REFUSED, r"\bcap exceeded|quota", Kind.FULL),
    (
        f"{REFUSED} {INVALID} InvalidToken InvalidClientTokenId",
        r"token\b.*\bexpired|expired\b.*\btoken",
        Kind.TOKEN_EXPIRED,
    ),
    (
        f"{REFUSED} {INVALID} SignatureDoesNotMatch",
        r"signature (expired|not yet current)|too.?skewed|request.?time",
        Kind.SKEWED,
    ),
    (REFUSED, r"request has expired", Kind.LINK_EXPIRED),
    (f"{REFUSED} {INVALID} {MOVED}", r"path.?style|virtual.?host", Kind.ADDRESSING),
    (f"{INVALID} AuthorizationHeaderMalformed", r"access key", Kind.KEY_REFUSED),
    (INVALID, r"unsupported|not (supported|implemented)", Kind.NOT_SUPPORTED),
)
# Codes that no row above matches, and HTTP statuses of answers without a code.
CODES = {
    Kind.KMS_DENIED: "KMS.AccessDeniedException",
    Kind.KMS_UNUSABLE: "KMS.DisabledException KMS.NotFoundException KMS.KMSInvalidStateException KMS.InvalidStateException "
    "KMS.KeyUnavailableException KMS.InvalidKeyUsageException KMS.KMSInvalidMacException",
    Kind.LOCKED: "ObjectLocked InvalidRetentionPeriod InvalidBucketObjectLockConfiguration",
    Kind.FULL: "QuotaExceeded XMinioStorageFull XMinioAdminBucketQuotaExceeded InsufficientStorage 507",
    Kind.ACCOUNT: "AccountProblem NotSignedUp InvalidPayer UserSuspended AccountSuspended",
    Kind.TOKEN_EXPIRED: "ExpiredToken ExpiredTokenException TokenRefreshRequired",
    Kind.TOKEN_REFUSED: "InvalidToken InvalidClientTokenId UnrecognizedClientException",
    Kind.KEY_REFUSED: "InvalidAccessKeyId InvalidAccessKey",
    Kind.SKEWED: "RequestTimeTooSkewed",
    Kind.SECRET_REFUSED: "SignatureDoesNotMatch InvalidSignature InvalidSecurity",
    Kind.LINK_EXPIRED: "RequestExpired",
    Kind.NO_BUCKET: "NoSuchBucket",
    Kind.NAME_REFUSED: "InvalidBucketName",
    Kind.TAKEN: "BucketAlreadyExists BucketAlreadyOwnedByYou",
    Kind.LOCATION: "IllegalLocationConstraintException InvalidLocationConstraint",
    Kind.ADDRESSING: "SecondLevelDomainForbidden PathStyleDomainForbidden VirtualHostDomainForbidden",
    Kind.ELSEWHERE: f"{MOVED} 301 307 308 AuthorizationHeaderMalformed InvalidRegionName IncorrectEndpoint",
    Kind.OTHER_BYTES: "BadDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch",
    Kind.NO_OBJECT: "NoSuchKey",
    Kind.BUSY: "SlowDown ServiceUnavailable TooManyRequests RequestLimitExceeded Throttling 429 503",
    Kind.BROKEN: "InternalError 500 502 504",
    Kind.CUT_OFF: "RequestTimeout IncompleteBody",
    Kind.NOT_SUPPORTED: "NotImplemented XNotImplemented MethodNotAllowed UnsupportedOperation UnsupportedArgument 405 501",
    Kind.DENIED: f"{REFUSED} 403",
}
KINDS = {code: kind for kind, codes in CODES.items() for code in codes.split()}
# Codes for a setting that a bucket does not have, such as NoSuchCORSConfiguration.
NOT_SET = r"NoSuch\w*(Configuration|Policy|TagSet)|\w+NotFoundError"
# HTTP statuses for a missing feature, if the code is unknown.
NOT_SUPPORTED = (405, 501)

# The order matters: some of these classes are subclasses of later ones.
NO_ANSWER: tuple[tuple[tuple[type[Exception], ...], Kind], ...] = (
    ((boto.NoCredentialsError, boto.PartialCredentialsError), Kind.NO_CREDENTIALS),
    (
        (boto.CredentialRetrievalError, boto.MetadataRetrievalError, boto.TokenRetrievalError, boto.SSOError),
        Kind.NO_ROLE,
    ),
    ((boto.ProfileNotFound,), Kind.NO_PROFILE),
    ((boto.ParamValidationError,), Kind.NAME_REFUSED),
    ((boto.ProxyConnectionError, http.ProxyError), Kind.NO_PROXY),
    ((boto.SSLError, http.SSLError), Kind.NO_TLS),
    ((http.NameResolutionError,), Kind.NO_HOST),
    ((boto.EndpointConnectionError, http.NewConnectionError), Kind.CONNECTION_REFUSED),
    ((boto.ConnectTimeoutError, http.ConnectTimeoutError), Kind.CONNECT_TIMEOUT),
    ((boto.ReadTimeoutError, http.ReadTimeoutError), Kind.READ_TIMEOUT),
    ((boto.ConnectionClosedError, http.ProtocolError), Kind.CONNECTION_CLOSED),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold an error answer: its HTTP status, and the code, message and region of its body, which may be empty."""

    status: int
    code: str = ""
    message: str = ""
    region: str = ""

    @property
    def kind(self) -> Kind:
        """Return the kind by code and message, or by the status if there is no code."""
        code = self.code or str(self.status)
        for codes, pattern, kind in PATTERNS:
            if code in codes.split() and re.search(pattern, self.message, re.IGNORECASE):
                return kind
        if code in KINDS:
            return KINDS[code]
        if re.fullmatch(NOT_SET, code):
            return Kind.NOT_SET
        return Kind.NOT_SUPPORTED if self.status in NOT_SUPPORTED else Kind.UNKNOWN

    @property
    def action(self) -> str:
        """Return the action that the server says is not allowed, such as s3:PutObject. Empty if it names none."""
        named = re.search(r"not authori[sz]ed to perform:? \"?([a-z0-9-]+:\w+)", self.message)
        return named[1] if named else ""

    def trouble(self, bucket: str, host: str, secrets: Iterable[str | None] = ()) -> Trouble:
        """Explain the error. `secrets` are removed from the server's message."""
        kind = self.kind
        expected = re.search(r"expecting '([a-z0-9-]+)'", self.message)
        known = {
            "bucket": bucket,
            "host": host,
            "status": self.status,
            "action": self.action or "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket",
            "region": self.region or (expected[1] if expected else "… to that of the bucket"),
        }
        meaning, advice = kind.meaning.format(**known), kind.advice.format(**known)
        code, quote = self.code or str(self.status), _quoted(self.message, secrets)
        return Trouble(kind, code, meaning, advice, quote, self.action)


def refusal_in(error: ClientError) -> Refusal:
    """Return the server's answer from an error of boto3. Without a body in the answer, boto3 takes the status as the code."""
    body, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    region = meta.get("HTTPHeaders", {}).get("x-amz-bucket-region", "") or body.get("Region", "")
    return Refusal(meta.get("HTTPStatusCode", 0), body.get("Code", ""), body.get("Message", ""), region)


def refusal_of(answer: urllib3.BaseHTTPResponse) -> Refusal:
    """Return the server's refusal from an answer of urllib3."""

    def element(name: str) -> str:
        found = re.search(rb"<%s>([^<]*)</%s>" % (name.encode(), name.encode()), answer.data)
        return html.unescape(found[1].decode(errors="replace")).strip() if found else ""

    code = element("Code")
    region = answer.headers.get("x-amz-bucket-region", "") or element("Region")
    return Refusal(answer.status, code if re.fullmatch(r"[\w.]{1,60}", code) else "", element("Message"), region)


def no_answer(error: Exception, bucket: str, host: str) -> Trouble:
    """Explain why no answer came, from the exception of boto3 or urllib3."""
    kind = next((kind for errors, kind in NO_ANSWER if isinstance(error, errors)), Kind.UNUSABLE)
    return Trouble(kind, type(error).__name__, kind.meaning.format(bucket=bucket, host=host), kind.advice)


def no_role(refusal: Refusal, secrets: Iterable[str | None] = ()) -> Trouble:
    """Explain why the service that gives out a role's credentials (AWS STS) gave none."""
    return Trouble(
        Kind.NO_ROLE, refusal.code, Kind.NO_ROLE.meaning, Kind.NO_ROLE.advice, _quoted(refusal.message, secrets)
    )


def _quoted(message: str, secrets: Iterable[str | None]) -> str:
    """Return a server's message on one line, shortened, without secrets, access keys and control characters."""
    for secret in filter(None, secrets):
        message = message.replace(secret, "…")
    message = re.sub(r"\b(AKIA|ASIA)[A-Z0-9]{8,}\b", "…", message)
    line = " ".join("".join(each if each.isprintable() else " " for each in message).split())
    short = line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}…"
    return short.rstrip(".")
