"""Name the kinds of errors of S3 servers. Each has a meaning, and advice for the operator."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import partial
from typing import NamedTuple

from core import causes

KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may use the bucket, in .env.local, and restart."
ROLE = "Look at the role of this machine, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
REACH = "Check AWS_S3_ENDPOINT_URL (empty for AWS) and AWS_REGION, and whether this machine can reach that server."
PRINT_IAM = "`manage.py storage setup --print-iam {}` prints what is needed."


class Subject(StrEnum):
    """Name the part of the set-up that an error is about."""

    SERVER = "server"
    CREDENTIALS = "credentials"
    CLOCK = "clock"
    BUCKET = "name and region"
    RIGHTS = "rights"
    OBJECT = "object"
    FEATURE = "feature"


class Explanation(NamedTuple):
    """Explain a kind of error.

    `meaning` and `advice` are for operators. They may name {bucket}, {host}, {status}, {action} and {region}. `cause`
    is for learners, so it names neither host nor bucket.
    """

    subject: Subject
    meaning: str
    advice: str
    cause: str = causes.FAILS


_server = partial(Explanation, Subject.SERVER)
_credentials = partial(Explanation, Subject.CREDENTIALS, cause=causes.CREDENTIALS_REFUSED)
_clock = partial(Explanation, Subject.CLOCK)
_bucket = partial(Explanation, Subject.BUCKET, cause=causes.MISSING)
_rights = partial(Explanation, Subject.RIGHTS, cause=causes.WRITING_REFUSED)
_object = partial(Explanation, Subject.OBJECT)
_feature = partial(Explanation, Subject.FEATURE)


class Kind(Enum):
    """Name a kind of error. Everything that depends on an error asks for its kind, never for the server's code."""

    KMS_DENIED = _rights(
        "The KMS key that encrypts the bucket may not be used",
        "Allow kms:GenerateDataKey and kms:Decrypt on that KMS key, in the policy of the access key's user or role, and in the "
        f"policy of the KMS key itself. {PRINT_IAM.format('kms')}",
    )
    KMS_UNUSABLE = _bucket(
        "The KMS key that encrypts the bucket is disabled, is being deleted, or does not exist",
        "Enable that KMS key, or choose another one for the bucket's default encryption.",
        cause=causes.WRITING_REFUSED,
    )
    ENCRYPTION_DEMANDED = _rights(
        "The bucket {bucket} refuses requests that do not ask for encryption themselves",
        "Set the bucket's default encryption instead, and remove the statement of its policy that demands the header "
        "x-amz-server-side-encryption.",
    )
    LOCKED = _rights(
        "The bucket {bucket} has Object Lock, and its rules forbid this",
        "Remove the default retention and legal holds from our objects, or use a bucket without Object Lock.",
    )
    REQUESTER_PAYS = _rights(
        "The bucket {bucket} makes the requester pay. Browsers cannot send the header for that",
        "Turn Requester Pays off, or use a bucket of your own.",
    )
    FULL = _server(
        "The storage is full, or has reached a limit of its account",
        "Make room, or raise the quota of the bucket or the cap of the account.",
        cause=causes.WRITING_REFUSED,
    )
    ACCOUNT = _credentials(
        "The account at {host} is closed, suspended, or not signed up for this service",
        "Check the state of the account and its bills.",
    )
    KEY_REFUSED = _credentials("The access key is not accepted", KEYS)
    SECRET_REFUSED = _credentials(
        "The secret of the access key is not accepted",
        f"{KEYS} If the secret is right, a proxy may change the request: it must pass the Host and the headers unchanged.",
    )
    TOKEN_EXPIRED = _credentials(
        "The session token is not valid any more: it has expired",
        "Write a new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, which belong together, in .env.local, and "
        "restart. The key of an IAM user does not expire. A machine's role renews its own key.",
    )
    TOKEN_REFUSED = _credentials(
        "The session token is not valid",
        "AWS_SESSION_TOKEN belongs to the AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY that it came with. Write all three, or "
        "leave it empty for the key of an IAM user. Then restart.",
    )
    SKEWED = _clock(
        "This machine's clock and that of {host} differ by more than 15 minutes",
        "Set this machine's clock: timedatectl set-ntp true.",
    )
    LINK_EXPIRED = _clock(
        "The link or the request has expired", "Check this machine's clock: timedatectl set-ntp true."
    )
    NO_BUCKET = _bucket(
        "The bucket {bucket} does not exist",
        "Correct S3_BUCKET_NAME, AWS_REGION and AWS_S3_ENDPOINT_URL, or create the bucket: manage.py storage setup.",
    )
    NAME_REFUSED = _bucket(
        "{bucket} cannot be the name of a bucket", "Set S3_BUCKET_NAME as the provider's console shows it."
    )
    ELSEWHERE = _bucket(
        "The bucket {bucket} is in another region", "Set AWS_REGION={region} in .env.local, and restart."
    )
    ADDRESSING = _bucket(
        "{host} wants the bucket's name in another part of the address",
        "Set AWS_S3_ADDRESSING_STYLE=virtual in .env.local (or path, if it is virtual), and restart.",
        cause=causes.FAILS,
    )
    DENIED = _rights(
        "Access to the bucket {bucket} is denied", "Allow {action}, and remove any statement that denies it."
    )
    BUSY = _server("{host} is too busy", "Wait, or raise the limits of the server.")
    BROKEN = _server(
        "{host} has an internal error", "Look into the log of the server, or at the provider's status page."
    )
    CUT_OFF = _server(
        "{host} did not get the whole request in time", "Look for a slow or faulty network.", cause=causes.NO_ANSWER
    )
    NOT_SUPPORTED = _feature("{host} does not support this", "Look up in the server's documentation what it supports.")
    NO_OBJECT = _object("There is no such object", "Check whether it was deleted.")
    OTHER_BYTES = _object(
        "The object that arrived has another SHA-256 than the one that was sent", "Look for a faulty network or proxy."
    )
    LOST = _object("{host} has lost an object that it had just accepted", "Look into the log of the server.")
    CHANGED = _object(
        "{host} gave back other bytes than it had just accepted", "Look for a faulty server, proxy or CDN."
    )
    UNKNOWN = _server("{host} answers {status}", "Check AWS_S3_ENDPOINT_URL (empty for AWS) and AWS_REGION.")
    NO_CREDENTIALS = _credentials(
        "No credentials",
        "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env.local, or give this machine a role. Then restart.",
    )
    NO_ROLE = _credentials("The role of this machine gives no credentials", ROLE)
    NO_PROFILE = _credentials("AWS_PROFILE names credentials that do not exist", "Correct AWS_PROFILE, or remove it.")
    NO_PROXY = _server("The proxy to {host} cannot be used", REACH)
    NO_TLS = _server("The certificate of {host} is not trusted, or it does not speak TLS", REACH)
    NO_HOST = _server("The host name {host} is not known", REACH)
    CONNECTION_REFUSED = _server(
        "{host} refused the connection, or cannot be reached", REACH, cause=causes.CONNECTION_REFUSED
    )
    CONNECT_TIMEOUT = _server("{host} did not take the connection in time", REACH, cause=causes.NO_ANSWER)
    READ_TIMEOUT = _server("{host} did not answer in time", REACH, cause=causes.NO_ANSWER)
    CONNECTION_CLOSED = _server("{host} closed the connection", REACH, cause=causes.CONNECTION_REFUSED)
    UNUSABLE = _server("{host} cannot be used", REACH)
    TAKEN = _bucket("There is a bucket {bucket} already", "If it is not yours, set S3_BUCKET_NAME to another name.")
    LOCATION = _bucket(
        "The bucket {bucket} is in another region, or cannot be made in this one",
        "Set AWS_REGION={region} in .env.local, and restart.",
    )
    NOT_SET = _feature("The bucket {bucket} does not have this setting", "Set it: manage.py storage setup.")

    def __init__(self, subject: Subject, meaning: str, advice: str, cause: str) -> None:
        self.subject, self.meaning, self.advice, self.cause = subject, meaning, advice, cause


@dataclass(frozen=True, slots=True)
class Trouble:
    """Explain one error to the operator, without secrets.

    `quote`: the server's own message. `action`: the action that the server refused, if it named one.
    """

    kind: Kind
    code: str
    meaning: str
    advice: str
    quote: str = ""
    action: str = ""

    @property
    def said(self) -> str:
        return f" The server says: “{self.quote}”." if self.quote else ""

    @property
    def found(self) -> str:
        return f"{self.meaning} ({self.code}).{self.said}"

    def __str__(self) -> str:
        # The advice comes first, because logs cut long lines off.
        return f"{self.meaning} ({self.code}). {self.advice}{self.said}"


class StorageUnavailable(OSError):
    """Report that the bucket cannot be used. The message is for the operator and holds no secret."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble

    @property
    def public_cause(self) -> str:
        return self.trouble.kind.cause
