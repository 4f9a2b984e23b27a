"""Provide the base of a bucket's settings: requests to the server, and the errors that can come back."""

from abc import ABC, abstractmethod
from typing import Any

from botocore.exceptions import ClientError

from audio.s3 import S3AudioStorage
from audio.s3_error_codes import refusal_in
from audio.s3_errors import Kind
from core.json_types import Json

# Prefix of the ids of our rules.
OURS = "talking-agent"
# Prefix of all keys of recordings, after the prefix of the settings.
RECORDINGS = "audio/"
# Prefix of the test objects of earlier versions.
FORMER_PROBES = "probe/"
# Errors of servers that mistake a PUT of an unknown bucket setting for the creation of the bucket.
TAKEN_FOR_CREATION = (Kind.TAKEN, Kind.LOCATION)
DENIED = (
    "Access is denied ({}).{} Run this with an administrator's key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or allow what "
    "`manage.py storage setup --print-iam setup` prints."
)


class Unsupported(Exception):
    """Report that the server lacks a feature. The message says what that means for the bucket, if anything."""


class Impossible(Exception):
    """Report that a setting cannot be read or changed. The message says why, and what to do."""


class TargetBucket:
    """Represent the bucket to set up, which may not exist yet, and its server."""

    def __init__(self, storage: S3AudioStorage) -> None:
        self.storage = storage
        self.name: str = storage.bucket_name
        self.client = storage.client
        self.region: str = self.client.meta.region_name

    @property
    def prefix(self) -> str:
        """Return the prefix of all our keys. Empty, or ending in a slash."""
        return self.storage.key_prefix

    @property
    def arn(self) -> str:
        return f"arn:{self.client.meta.partition}:s3:::{self.name}"

    def exists(self) -> bool:
        # Not head_bucket: its errors have no message.
        return self.ask_of(self.client, "list_objects_v2", Bucket=self.name, MaxKeys=1) is not None

    def ask(self, operation: str, **parameters: object) -> Json:
        """Call an operation of boto3's S3 client, as `ask_of` does. Return an empty answer in place of None."""
        return self.ask_of(self.client, operation, Bucket=self.name, **parameters) or {}

    def ask_of(self, client: Any, operation: str, **parameters: object) -> Json | None:
        """Call an operation of a client of boto3's, and return its answer.

        Returns None if there is no bucket, or it does not have the setting. Raises Unsupported, Impossible, OSError.
        """
        with self.storage.translated():
            try:
                answer: Json = getattr(client, operation)(**parameters)
            except ClientError as error:
                refusal = refusal_in(error)
                if refusal.kind in (Kind.NOT_SET, Kind.NO_BUCKET):
                    return None
                taken_for_creation = refusal.kind in TAKEN_FOR_CREATION and operation != "create_bucket"
                if refusal.kind is Kind.NOT_SUPPORTED or taken_for_creation:
                    raise Unsupported from error
                if refusal.kind is Kind.DENIED:
                    trouble = self.storage.trouble_of(refusal)
                    raise Impossible(DENIED.format(trouble.action or operation, trouble.said)) from error
                raise
        answer.pop("ResponseMetadata", None)
        return answer


class Aspect(ABC):
    """Read and change one setting of a bucket.

    It is right if `is_now()` equals `wanted()`. `apply` makes it right, and can be repeated. All three may raise
    Unsupported, Impossible and OSError.
    """

    name: str
    # The result of `wanted`, if it is the same for every bucket.
    target = "on"
    is_needed_by_all = False

    def __init__(self, bucket: TargetBucket) -> None:
        self.bucket = bucket

    @abstractmethod
    def is_now(self) -> str: ...

    def wanted(self) -> str:
        return self.target

    @abstractmethod
    def apply(self) -> None: ...
