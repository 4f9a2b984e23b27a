"""What is common to the aspects of a bucket: how they ask the server, and what can come in between."""

from abc import ABC, abstractmethod
from typing import Any

from botocore.exceptions import ClientError

from audio.s3 import S3AudioStorage

OURS = "talking-agent"  # how the ids of our rules begin
ABSENT = ("NoSuchBucket",)
DENIED = ("AccessDenied", "AllAccessDisabled", "UnauthorizedAccess")
NOT_KNOWN = ("NotImplemented", "XNotImplemented", "MethodNotAllowed", "UnsupportedOperation")
# Servers that do not know a part of a bucket may take a PUT of it for one of the bucket itself.
TAKEN_FOR_CREATION = ("BucketAlreadyExists", "BucketAlreadyOwnedByYou", "IllegalLocationConstraintException")


class Unsupported(Exception):
    """The server does not know this; the message says what it means for the bucket, if anything."""


class Impossible(Exception):
    """It cannot be looked at or changed; the message says why, and what to do."""


class Bucket:
    """The bucket that is set up, existing or not, and the server it is on."""

    def __init__(self, storage: S3AudioStorage) -> None:
        self.storage = storage
        self.name: str = storage.bucket_name
        self.client = storage.client
        self.region: str = self.client.meta.region_name

    @property
    def arn(self) -> str:
        return f"arn:{self.client.meta.partition}:s3:::{self.name}"

    def ask(self, operation: str, *, absent: tuple[str, ...] = (), **parameters: Any) -> dict[str, Any] | None:
        """What boto3's S3 client answers; None where there is no such thing (error codes `absent`, or no bucket).
        Raises Unsupported, Impossible, OSError."""
        return self.ask_of(self.client, operation, absent=absent, Bucket=self.name, **parameters)

    def ask_of(
        self, client: Any, operation: str, *, absent: tuple[str, ...] = (), **parameters: Any
    ) -> dict[str, Any] | None:
        """As `ask`, of another service."""
        with self.storage.translated():
            try:
                answer: dict[str, Any] = getattr(client, operation)(**parameters)
            except ClientError as error:
                code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
                if code in (*absent, *ABSENT):
                    return None
                self._explain(code, status, operation, error)
                raise
        answer.pop("ResponseMetadata", None)
        return answer

    def _explain(self, code: str, status: int, operation: str, error: ClientError) -> None:
        if status in (405, 501) or code in NOT_KNOWN:
            raise Unsupported from error
        if code in TAKEN_FOR_CREATION and operation != "create_bucket":
            raise Unsupported from error
        if code in DENIED:
            raise Impossible(
                f"Access is denied ({operation}). Run this with an administrator's key in AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or allow what `manage.py storage setup --print-iam setup` prints."
            ) from error


class Aspect(ABC):
    """One thing about a bucket. It is right when `is_now()` says what `wanted()` says; `apply` makes it so, and can be
    repeated. All may raise Unsupported, Impossible and OSError."""

    name: str
    is_needed_by_all = False

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    @abstractmethod
    def is_now(self) -> str: ...

    @abstractmethod
    def wanted(self) -> str: ...

    @abstractmethod
    def apply(self) -> None: ...
