"""The bucket, asked with the application's own keys. A few bytes are written under `probe/` to find out, and deleted."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

from audio.s3 import StorageUnavailable
from migration.probes.once import Once
from migration.probes.runner import Failed, NotConfigured, NotSupported, Probe, Warned

GROUP = "bucket"
SERVER, CREDENTIALS, CLOCK, BUCKET = "server", "credentials", "clock", "name and region"
CONNECT_WITHIN, ANSWER_WITHIN = 1.5, 2.5  # seconds
SKEWED, TOO_SKEWED = timedelta(seconds=30), timedelta(minutes=5)  # S3 itself refuses requests from 15 minutes on
PROOF = b"This proves that the bucket can be used."

DENIED = ("AccessDenied", "AllAccessDisabled", "UnauthorizedAccess")
MISSING = "NoSuchKey"
UNSUPPORTED = ("NotImplemented", "MethodNotAllowed", "XNotImplemented", "501", "405")
NO_ANSWER = ""
# What ends every request before the bucket's rights and settings are looked at, and the line that it belongs to.
ENDS_ALL = {
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"), CREDENTIALS),
    **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"), CREDENTIALS),
    "RequestTimeTooSkewed": CLOCK,
    **dict.fromkeys(("NoSuchBucket", "InvalidBucketName", "ParamValidationError"), BUCKET),
    **dict.fromkeys(("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"), BUCKET),
    "IllegalLocationConstraintException": BUCKET,
}
ADVICE = {
    SERVER: "See whether AWS_S3_ENDPOINT_URL (empty for AWS) and AWS_REGION are right, and whether this machine can reach it.",
    CREDENTIALS: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may use the bucket, in .env.local, and restart.",
    CLOCK: "Set this machine's clock: timedatectl set-ntp true.",
    BUCKET: "Set S3_BUCKET_NAME and AWS_REGION as the S3 console shows them, or create the bucket: manage.py storage setup.",
}
SET_UP = "manage.py storage setup does it."
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True, slots=True)
class Answer:
    """`code`: S3's own of what it refused, or the kind of trouble where there was no answer; empty if all was well."""

    code: str = ""
    sentence: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.sentence

    @property
    def denied(self) -> bool:
        return self.code in DENIED


def probes() -> list[Probe]:
    if "audio_cloud" not in settings.STORAGES:
        return [Probe(GROUP, BUCKET, _not_configured)]
    try:
        return probes_of(storages["audio_cloud"], settings.STORAGES["audio_cloud"], settings.APP_URL)
    except ImproperlyConfigured as error:
        return [Probe(GROUP, BUCKET, _raising(Failed(str(error), "Mend it in .env.local and restart.")))]


def probes_of(
    storage: Any,
    configured: dict[str, Any],
    origin: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Probe]:
    """`storage`: an S3AudioStorage; `configured`: its entry in STORAGES; `origin`: the site whose pages play the recordings."""
    hasty = storage.client_config.merge(
        Config(connect_timeout=CONNECT_WITHIN, read_timeout=ANSWER_WITHIN, signature_version="s3v4")
    )
    options = configured["OPTIONS"]
    ours = storages.create_storage({**configured, "OPTIONS": options | {"client_config": hasty}})
    unsigned = hasty.merge(Config(signature_version=UNSIGNED))
    anybody = storages.create_storage({**configured, "OPTIONS": options | {"client_config": unsigned}})
    looked_at = Bucket(ours, anybody, origin, now)
    return [
        Probe(GROUP, SERVER, looked_at.server),
        Probe(GROUP, CREDENTIALS, looked_at.credentials),
        Probe(GROUP, BUCKET, looked_at.bucket),
        Probe(GROUP, CLOCK, looked_at.clock),
        Probe(GROUP, "right to write", looked_at.writing),
        Probe(GROUP, "right to read", looked_at.reading),
        Probe(GROUP, "right to list", looked_at.listing),
        Probe(GROUP, "right to delete", looked_at.deleting),
        Probe(GROUP, "private", looked_at.private),
        Probe(GROUP, "public access block", looked_at.public_access_block),
        Probe(GROUP, "CORS", looked_at.cors),
        Probe(GROUP, "versioning", looked_at.versioning),
        Probe(GROUP, "lifecycle", looked_at.lifecycle),
        Probe(GROUP, "encryption", looked_at.encryption),
    ]


class Bucket:
    def __init__(self, ours: Any, anybody: Any, origin: str, now: Callable[[], datetime]) -> None:
        self._ours, self._anybody, self._origin, self._now = ours, anybody, origin, now
        self._name = ours.bucket_name
        self._key = f"probe/verify-{uuid.uuid4().hex}"
        self._asked_at = now()
        self._listed = Once(self._list)
        self._written = Once(lambda: self._ask("put_object", Key=self._key, Body=PROOF))
        self._read = Once(self._read_as_a_page)
        self._read_by_anybody = Once(self._read_unsigned)
        self._listed_by_anybody = Once(lambda: _ask(self._anybody, "list_objects_v2", MaxKeys=1))

    def server(self) -> str:
        answer = self._listed()
        if not (answer.ok or answer.denied or answer.code in ENDS_ALL):
            raise Failed(answer.sentence, ADVICE[SERVER])
        return "It answers."

    def credentials(self) -> str:
        self._require_answer(CREDENTIALS)
        return "The key and its secret are accepted."

    def bucket(self) -> str:
        answer = self._require_answer(BUCKET)
        where = answer.headers.get("x-amz-bucket-region", "")
        region = self._ours.client.meta.region_name
        if where and where != region:
            raise Failed(f"The bucket is in {where}, and AWS_REGION says {region}.", f"Set AWS_REGION={where}.")
        if answer.denied and self._written().denied and self._read().denied:
            raise Failed(
                f"Nothing may be done in the bucket {self._name} with this key, or it belongs to somebody else.",
                f"Check S3_BUCKET_NAME, and the policies of key and bucket. {_allow('s3:ListBucket')}",
            )
        return f"{self._name} is there."

    def clock(self) -> str:
        answer = self._require_answer(CLOCK)
        if "date" not in answer.headers:
            raise NotSupported("The server does not say what time it is.")
        ahead = self._asked_at - parsedate_to_datetime(answer.headers["date"])
        seconds = round(abs(ahead).total_seconds())
        found = f"This machine's clock is {seconds} s {'ahead of' if ahead > timedelta() else 'behind'} the server's."
        if abs(ahead) > TOO_SKEWED:
            raise Failed(found, f"{ADVICE[CLOCK]} Requests are refused from 15 minutes on, and links expire too early.")
        if abs(ahead) > SKEWED:
            raise Warned(found, ADVICE[CLOCK])
        return "This machine's clock and the server's agree."

    def writing(self) -> str:
        self._require_answer()
        self._require_right(self._written(), "s3:PutObject")
        return "Recordings can be written."

    def reading(self) -> str:
        self._require_answer()
        written, read = self._written(), self._read()
        if read.code == MISSING and written.ok:
            raise Failed("What had just been written was not there.", "Look into the server's own log.")
        if read.code != MISSING:
            self._require_right(read, "s3:GetObject")
            if read.body["read"] != PROOF:
                raise Failed("Other bytes came back than had been written.", "Look into the server's own log.")
        return "Recordings can be read."

    def listing(self) -> str:
        self._require_right(self._require_answer(), "s3:ListBucket")
        return "The bucket can be listed."

    def deleting(self) -> str:
        """Last of all: what was written must be there until the others have looked."""
        self._require_answer()
        self._written(), self._read(), self._read_by_anybody()
        answer = self._ask("delete_object", Key=self._key)
        if answer.denied and self._written().ok:
            do = f"{_allow('s3:DeleteObject')} Then delete {self._key}, which had to stay."
            raise Failed("Recordings cannot be deleted, so nothing that a learner deletes would go.", do)
        self._require_right(answer, "s3:DeleteObject")
        return "Recordings can be deleted."

    def private(self) -> str:
        self._require_answer()
        do = f'Block all public access to it, and take out of its policy what allows Principal "*". {SET_UP}'
        read, listed = self._read_by_anybody(), self._listed_by_anybody()
        if read.ok or (read.code == MISSING and self._written().ok is False):
            raise Failed("Anybody can read recordings in it, without a signature.", do)
        if listed.ok:
            raise Failed("Anybody can list what is in it, without a signature.", do)
        if not (read.denied or read.code == "403"):
            raise Warned(f"A request without a signature was answered in an unexpected way: {read.sentence}", do)
        return "Requests without a signature are refused."

    def public_access_block(self) -> str:
        answer = self._setting("get_public_access_block", "s3:GetBucketPublicAccessBlock")
        blocked = (answer.body if answer else {}).get("PublicAccessBlockConfiguration", {})
        if open_ := [name for name in BLOCKS if not blocked.get(name)]:
            what = "It is not on" if len(open_) == len(BLOCKS) else f"It leaves out {', '.join(open_)}"
            raise Warned(f"{what}: a wrong policy could make recordings public.", f"Block all public access. {SET_UP}")
        return "All public access is blocked."

    def cors(self) -> str:
        self._require_answer()
        read = self._read()
        allowed = read.headers.get("access-control-allow-origin", "")
        if allowed in ("*", self._origin):
            return f"Pages of {self._origin} may read recordings."
        if read.denied:
            raise _unchecked("right to read")
        raise Failed(
            f"Pages of {self._origin} may not read recordings from it: it has no CORS rule for them.",
            f"Allow GET and HEAD from {self._origin} in the bucket's CORS rules; if that is not the site, mend APP_URL. {SET_UP}",
        )

    def versioning(self) -> str:
        answer = self._setting("get_bucket_versioning", "s3:GetBucketVersioning")
        if not answer or answer.body.get("Status") != "Enabled":
            raise Warned("It is off: what is overwritten or deleted by mistake is gone.", f"Turn it on. {SET_UP}")
        return "It is on."

    def lifecycle(self) -> str:
        answer = self._setting("get_bucket_lifecycle_configuration", "s3:GetLifecycleConfiguration")
        rules = (answer.body if answer else {}).get("Rules", [])
        if not (active := [rule for rule in rules if rule["Status"] == "Enabled"]):
            raise Warned(
                "No rule is active: old recordings stay at the full price, and old versions for ever.",
                f"Decide how long to keep them. {SET_UP}",
            )
        return f"{len(active)} {'rule is' if len(active) == 1 else 'rules are'} active."

    def encryption(self) -> str:
        answer = self._setting("get_bucket_encryption", "s3:GetEncryptionConfiguration")
        rules = (answer.body if answer else {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        if not rules:
            raise Warned("No default encryption is set.", f"Turn it on (SSE-S3 or SSE-KMS). {SET_UP}")
        return f"Objects are encrypted ({rules[0]['ApplyServerSideEncryptionByDefault']['SSEAlgorithm']})."

    def _require_answer(self, line: str = "") -> Answer:
        """What the bucket answers to whoever may list it. Raises Failed where that is for `line` to tell, else Warned."""
        answer = self._listed()
        if answer.ok or answer.denied:
            return answer
        cause = ENDS_ALL.get(answer.code, SERVER)
        if line == cause:
            raise Failed(answer.sentence, ADVICE[cause])
        raise _unchecked(cause)

    def _require_right(self, answer: Answer, right: str) -> None:
        if answer.denied:
            raise Failed(f"The key may not do this ({right} is denied).", _allow(right))
        if not answer.ok:
            raise Failed(answer.sentence, ADVICE[SERVER])

    def _setting(self, verb: str, right: str) -> Answer | None:
        """None where it is not set. Raises what says why it cannot be seen."""
        self._require_answer()
        answer = self._ask(verb)
        if answer.ok:
            return answer
        if answer.code in UNSUPPORTED:
            raise NotSupported("This server does not have it.")
        if answer.denied:
            raise Warned("The key may not look at it.", f"Allow {right} to the key, or look at it in the S3 console.")
        if re.match("NoSuch|.*NotFound", answer.code):
            return None
        raise Failed(answer.sentence, ADVICE[SERVER])

    def _list(self) -> Answer:
        answer = self._ask("list_objects_v2", MaxKeys=1)
        self._asked_at = self._now()
        return answer

    def _read_as_a_page(self) -> Answer:
        """With the header by which a browser says whose page is reading: the answer tells whether it may."""
        self._written()

        def from_our_page(request: Any, **kwargs: Any) -> None:
            request.headers["Origin"] = self._origin

        events = self._ours.client.meta.events
        events.register("before-send.s3.GetObject", from_our_page)
        return self._ask("get_object", Key=self._key)

    def _read_unsigned(self) -> Answer:
        self._written()
        return _ask(self._anybody, "get_object", Key=self._key)

    def _ask(self, verb: str, **params: Any) -> Answer:
        return _ask(self._ours, verb, **params)


def _ask(storage: Any, verb: str, **params: Any) -> Answer:
    try:
        with storage.translated():
            body = getattr(storage.client, verb)(Bucket=storage.bucket_name, **params)
            if "Body" in body:
                body["read"] = body["Body"].read()
    except (StorageUnavailable, FileNotFoundError) as error:
        cause = error.__cause__
        if not isinstance(cause, ClientError):
            return Answer(type(cause).__name__, str(error))
        headers = cause.response["ResponseMetadata"].get("HTTPHeaders", {})
        return Answer(cause.response["Error"]["Code"], str(error), headers=headers)
    return Answer(body=body, headers=body["ResponseMetadata"]["HTTPHeaders"])


def _allow(right: str) -> str:
    where = "in the policy of the key's user or role, and take out what denies it"
    return f"Allow {right} {where} (manage.py storage setup --print-iam verify shows all that is needed)."


def _unchecked(line: str) -> Warned:
    return Warned("Not looked at.", f"Put “{line}” right first.")


def _not_configured() -> str:
    raise NotConfigured(
        "No bucket is named: recordings are kept on this machine.", "Set S3_BUCKET_NAME, if they are not to be."
    )


def _raising(finding: Failed) -> Callable[[], str]:
    def run() -> str:
        raise finding

    return run
