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
REFUSED = ("AccessDenied", "AllAccessDisabled", "UnauthorizedAccess", "Forbidden", "Unauthorized")
INVALID = ("InvalidArgument", "InvalidRequest", "BadRequest")
# Rows of codes, a pattern of the message, and the kind. The first row that fits counts. A precise code needs no pattern. A vague
# one, such as AccessDenied, needs the message to find the kind.
TABLE: tuple[tuple[tuple[str, ...], str, Kind], ...] = (
    (("KMS.AccessDeniedException",), "", Kind.KMS_DENIED),
    (
        (
            *(
                "KMS.DisabledException",
                "KMS.NotFoundException",
                "KMS.KMSInvalidStateException",
                "KMS.InvalidStateException",
            ),
            *("KMS.KeyUnavailableException", "KMS.InvalidKeyUsageException", "KMS.KMSInvalidMacException"),
        ),
        "",
        Kind.KMS_UNUSABLE,
    ),
    (REFUSED, r"kms:\w+|\bKMS\b.*(ciphertext|denied|not authori[sz]ed|access)", Kind.KMS_DENIED),
    (
        REFUSED + INVALID,
        r"\bKMS\b.*(disabled|not exist|invalid|pending|not found)|kms.*arn.*invalid",
        Kind.KMS_UNUSABLE,
    ),
    (REFUSED + INVALID, r"server.?side.?encryption", Kind.ENCRYPTION_DEMANDED),
    (("ObjectLocked", "InvalidRetentionPeriod", "InvalidBucketObjectLockConfiguration"), "", Kind.LOCKED),
    (REFUSED + INVALID, r"object.?lock|\bWORM\b|retention|legal hold", Kind.LOCKED),
    (("UserProjectMissing", *REFUSED, *INVALID), r"requester.?pays|request-payer", Kind.REQUESTER_PAYS),
    (
        ("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "507"),
        "",
        Kind.FULL,
    ),
    (REFUSED, r"\bcap exceeded|quota", Kind.FULL),
    (("AccountProblem", "NotSignedUp", "InvalidPayer", "UserSuspended", "AccountSuspended"), "", Kind.ACCOUNT),
    (("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"), "", Kind.TOKEN_EXPIRED),
    (
        ("InvalidToken", "InvalidClientTokenId", *REFUSED, *INVALID),
        r"token\b.*\bexpired|expired\b.*\btoken",
        Kind.TOKEN_EXPIRED,
    ),
    (("InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"), "", Kind.TOKEN_REFUSED),
    (("InvalidAccessKeyId", "InvalidAccessKey"), "", Kind.KEY_REFUSED),
    (("RequestTimeTooSkewed",), "", Kind.SKEWED),
    (
        ("SignatureDoesNotMatch", *REFUSED, *INVALID),
        r"signature (expired|not yet current)|too.?skewed|request.?time",
        Kind.SKEWED,
    ),
    (("SignatureDoesNotMatch", "InvalidSignature", "InvalidSecurity"), "", Kind.SECRET_REFUSED),
    (("RequestExpired",), "", Kind.LINK_EXPIRED),
    (REFUSED, r"request has expired", Kind.LINK_EXPIRED),
    (("NoSuchBucket",), "", Kind.NO_BUCKET),
    (("InvalidBucketName",), "", Kind.NAME_REFUSED),
    (("BucketAlreadyExists", "BucketAlreadyOwnedByYou"), "", Kind.TAKEN),
    (("IllegalLocationConstraintException", "InvalidLocationConstraint"), "", Kind.LOCATION),
    (("SecondLevelDomainForbidden", "PathStyleDomainForbidden", "VirtualHostDomainForbidden"), "", Kind.ADDRESSING),
    (
        ("PermanentRedirect", "TemporaryRedirect", "Redirect", *REFUSED, *INVALID),
        r"path.?style|virtual.?host",
        Kind.ADDRESSING,
    ),
    (("AuthorizationHeaderMalformed", *INVALID), r"access key", Kind.KEY_REFUSED),
    (
        (
            *("PermanentRedirect", "TemporaryRedirect", "Redirect", "301", "307", "308"),
            *("AuthorizationHeaderMalformed", "InvalidRegionName", "IncorrectEndpoint"),
        ),
        "",
        Kind.ELSEWHERE,
    ),
    (("BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"), "", Kind.OTHER_BYTES),
    (("NoSuchKey",), "", Kind.NO_OBJECT),
    (
        ("SlowDown", "ServiceUnavailable", "TooManyRequests", "RequestLimitExceeded", "Throttling", "429", "503"),
        "",
        Kind.BUSY,
    ),
    (("InternalError", "500", "502", "504"), "", Kind.BROKEN),
    (("RequestTimeout", "IncompleteBody"), "", Kind.CUT_OFF),
    (
        (
            "NotImplemented",
            "XNotImplemented",
            "MethodNotAllowed",
            "UnsupportedOperation",
            "UnsupportedArgument",
            "405",
            "501",
        ),
        "",
        Kind.NOT_SUPPORTED,
    ),
    (INVALID, r"unsupported|not (supported|implemented)", Kind.NOT_SUPPORTED),
    ((*REFUSED, "403"), "", Kind.DENIED),
)
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
    """Hold an error answer: its HTTP status, and the code, message and region of its body.

    The last three are empty if the body does not have them.
    """

    status: int
    code: str = ""
    message: str = ""
    region: str = ""

    @property
    def kind(self) -> Kind:
        """Return the kind by code and message, or by the status if there is no code."""
        code = self.code or str(self.status)
        for codes, pattern, kind in TABLE:
            if code in codes and re.search(pattern, self.message, re.IGNORECASE):
                return kind
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
    """Return the server's answer from an error of boto3.

    Without a body in the answer, boto3 takes the status as the code.
    """
    said, about = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    region = about.get("HTTPHeaders", {}).get("x-amz-bucket-region", "") or said.get("Region", "")
    return Refusal(about.get("HTTPStatusCode", 0), said.get("Code", ""), said.get("Message", ""), region)


def refusal_of(answer: urllib3.BaseHTTPResponse) -> Refusal:
    """Return the server's refusal from an answer to one of the methods above."""

    def said(name: str) -> str:
        found = re.search(rb"<%s>([^<]*)</%s>" % (name.encode(), name.encode()), answer.data)
        return html.unescape(found[1].decode(errors="replace")).strip() if found else ""

    code = said("Code")
    region = answer.headers.get("x-amz-bucket-region", "") or said("Region")
    return Refusal(answer.status, code if re.fullmatch(r"[\w.]{1,60}", code) else "", said("Message"), region)


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
