"""Ask a bucket, and hold its answer: what it returned, or the error that came instead."""

from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from audio.s3 import S3AudioStorage
from audio.s3_error_codes import Refusal
from audio.s3_errors import PRINT_IAM, Kind, StorageUnavailable, Subject, Trouble
from core.findings import CheckFailed
from core.json_types import Json


@dataclass(frozen=True, slots=True)
class BucketAnswer:
    """Hold the outcome of a request. `value` was returned by a method of the storage, `body` by boto3."""

    trouble: Trouble | None = None
    value: object = None
    body: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0

    @property
    def ok(self) -> bool:
        return self.trouble is None

    @property
    def denied(self) -> bool:
        return self.trouble is not None and self.trouble.kind.subject is Subject.RIGHTS

    @property
    def missing(self) -> bool:
        return self.trouble is not None and self.trouble.kind is Kind.NO_OBJECT


def ask(storage: S3AudioStorage, verb: str, **params: object) -> BucketAnswer:
    """Call boto3, for requests that the storage has no method for."""
    try:
        with storage.translated():
            body = getattr(storage.client, verb)(Bucket=storage.bucket_name, **params)
    except FileNotFoundError:
        return BucketAnswer(Refusal(404, "NoSuchKey").trouble(storage.bucket_name, ""))
    except StorageUnavailable as error:
        cause = error.__cause__
        headers = cause.response["ResponseMetadata"].get("HTTPHeaders", {}) if isinstance(cause, ClientError) else {}
        return BucketAnswer(error.trouble, headers=headers)
    return BucketAnswer(body=body, headers=body["ResponseMetadata"]["HTTPHeaders"])


def require_right(answer: BucketAnswer, right: str) -> None:
    if answer.denied:
        raise CheckFailed(*denial(answer, right))
    if answer.trouble:
        raise CheckFailed(answer.trouble.found, answer.trouble.advice)


def denial(answer: BucketAnswer, right: str) -> tuple[str, str]:
    """Return what was found and what to do. The server may name another right than the one that was asked for."""
    trouble = answer.trouble
    assert trouble
    if trouble.kind is not Kind.DENIED:
        return trouble.found, trouble.advice
    denied = trouble.action or right
    return f"The key may not do this ({denied} is denied).{trouble.said}", allow(denied)


def allow(right: str, policy: str = "application") -> str:
    where = "in the policy of the key's user or role, and remove any statement that denies it"
    return f"Allow {right} {where}. {PRINT_IAM.format(policy)}"
