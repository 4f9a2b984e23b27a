"""Check the bucket with the application's own keys, by the requests that save, move and play recordings.

A few bytes are written beside the recordings, and deleted again.
"""

import uuid
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.utils import timezone
from urllib3.exceptions import HTTPError

from audio import s3_credentials, s3_wire
from audio.s3 import PROBES
from audio.s3_error_codes import Refusal, no_answer, refusal_of
from audio.s3_errors import Kind, StorageUnavailable, Subject, Trouble
from audio.storages import ChecksumMismatch
from core import cloud
from core.findings import CheckFailed, Finding, NotConfigured, NotSupported, Once, Probe, Warned
from core.json_types import Json
from migration.checks.browsers import require_reachable
from migration.checks.bucket_answer import BucketAnswer, allow, ask, denial, require_right
from migration.checks.runner import known
from migration.setup.privacy import BLOCKED

GROUP = "bucket"
WRITE, READ = "right to write", "right to read"
# Seconds.
CONNECT_WITHIN, ANSWER_WITHIN = 1.5, 2.5
# S3 itself refuses requests from 15 minutes on.
SLIGHTLY_SKEWED, TOO_SKEWED = timedelta(seconds=30), timedelta(minutes=5)
PROOF = b"This proves that the bucket can be used."
# Troubles that end every request before rights and settings of the bucket can be checked. The line of the same name
# says why.
ENDS_ALL = (Subject.SERVER, Subject.CREDENTIALS, Subject.CLOCK, Subject.BUCKET)
SET_UP = "manage.py storage setup does it."
OTHER_BYTES = "Other bytes came back than had been written."
LOG = "Look into the server's own log."


def probes() -> list[Probe]:
    finding: Finding = NotConfigured(
        "No bucket is named: recordings are kept on this machine.", "Set S3_BUCKET_NAME, if they are not to be."
    )
    if "audio_cloud" in settings.STORAGES:
        try:
            return probes_of(storages["audio_cloud"], settings.STORAGES["audio_cloud"], settings.APP_URL)
        except ImproperlyConfigured as error:
            finding = CheckFailed(str(error), "Fix it in .env.local and restart.")
    return [Probe(GROUP, Subject.BUCKET, known(finding))]


def probes_of(storage: Any, configured: Json, origin: str) -> list[Probe]:
    """Return the checks of one bucket.

    `storage` is an S3AudioStorage, and `configured` its entry in STORAGES. `origin` is the site whose pages play the
    recordings.
    """
    with_timeouts = storage.client_config.merge(
        Config(connect_timeout=CONNECT_WITHIN, read_timeout=ANSWER_WITHIN, signature_version="s3v4")
    )
    options = configured["OPTIONS"]
    ours = storages.create_storage({**configured, "OPTIONS": options | {"client_config": with_timeouts}})
    unsigned = with_timeouts.merge(Config(signature_version=UNSIGNED))
    anonymous = storages.create_storage({**configured, "OPTIONS": options | {"client_config": unsigned}})
    checks = BucketChecks(ours, anonymous, origin)
    lines = {
        Subject.SERVER: checks.server,
        Subject.CREDENTIALS: checks.credentials,
        Subject.BUCKET: checks.bucket,
        Subject.CLOCK: checks.clock,
        WRITE: checks.writing,
        READ: checks.reading,
        "right to list": checks.listing,
        "right to delete": checks.deleting,
        "signed links": checks.links,
        "address for browsers": checks.address,
        "private": checks.private,
        "public access block": checks.public_access_block,
        "CORS": checks.cors,
        "versioning": checks.versioning,
        "lifecycle": checks.lifecycle,
        "encryption": checks.encryption,
    }
    return [Probe(GROUP, name, check) for name, check in lines.items()]


class BucketChecks:
    def __init__(self, ours: Any, anonymous: Any, origin: str) -> None:
        self._ours, self._anonymous, self._origin = ours, anonymous, origin
        self._name = ours.bucket_name
        self._key = f"{PROBES}verify-{uuid.uuid4().hex}.webm"
        self._asked_at = timezone.now()
        self._listed = Once(self._list)
        self._written = Once(partial(self._call, "put", PROOF))
        # The others wait for the test object.
        self._looked_up = Once(partial(self._call_on_written, "head"))
        self._read = Once(partial(self._call_on_written, "read"))
        self._fetched = Once(self._fetch_as_a_page)
        self._anonymous_read = Once(self._read_anonymously)
        self._anonymous_list = Once(partial(ask, anonymous, "list_objects_v2", MaxKeys=1))

    def server(self) -> str:
        trouble = self._listed().trouble
        if trouble and trouble.kind.subject is Subject.SERVER:
            raise CheckFailed(trouble.found, trouble.advice)
        return "It answers."

    def credentials(self) -> str:
        self._require_answer(Subject.CREDENTIALS)
        return f"It accepts {s3_credentials.source_of(self._ours)}."

    def bucket(self) -> str:
        answer = self._require_answer(Subject.BUCKET)
        where = answer.headers.get("x-amz-bucket-region", "")
        region = self._ours.client.meta.region_name
        if where and where != region:
            raise CheckFailed(f"The bucket is in {where}, and AWS_REGION says {region}.", f"Set AWS_REGION={where}.")
        if answer.denied and self._written().denied and self._read().denied:
            raise CheckFailed(
                f"Nothing may be done in the bucket {self._name} with this key, or it belongs to another account.",
                f"Check S3_BUCKET_NAME, and the policies of key and bucket. {allow('s3:ListBucket')}",
            )
        return f"{self._name} is there."

    def clock(self) -> str:
        answer = self._require_answer(Subject.CLOCK)
        if "date" not in answer.headers:
            raise NotSupported("The server does not say what time it is.")
        ahead = self._asked_at - parsedate_to_datetime(answer.headers["date"])
        seconds = round(abs(ahead).total_seconds())
        found = f"This machine's clock is {seconds} s {'ahead of' if ahead > timedelta() else 'behind'} the server's."
        advice = Kind.SKEWED.advice
        if abs(ahead) > TOO_SKEWED:
            raise CheckFailed(found, f"{advice} Requests are refused from 15 minutes on, and links expire too early.")
        if abs(ahead) > SLIGHTLY_SKEWED:
            raise Warned(found, advice)
        return "This machine's clock and the server's agree."

    def writing(self) -> str:
        self._require_answer()
        require_right(self._written(), "s3:PutObject")
        return "Recordings can be written."

    def reading(self) -> str:
        self._require_answer()
        if self._written().ok and (self._read().missing or self._looked_up().missing):
            raise CheckFailed("What had just been written was not there.", LOG)
        for answer in (self._read(), self._looked_up()):
            if not answer.missing:
                require_right(answer, "s3:GetObject")
                # Reading returns the bytes, looking up returns their size.
                if getattr(answer.value, "size", answer.value) not in (PROOF, len(PROOF)):
                    raise CheckFailed(OTHER_BYTES, LOG)
        return "Recordings can be read, and their size and checksum asked for."

    def listing(self) -> str:
        require_right(self._require_answer(), "s3:ListBucket")
        return "The bucket can be listed."

    def deleting(self) -> str:
        """Check deleting, last of all: the test object must be there until the other checks have looked."""
        self._require_answer()
        for look in (self._written, self._looked_up, self._read, self._fetched, self._anonymous_read):
            look()
        answer = self._call("delete")
        if answer.denied and self._written().ok:
            _, advice = denial(answer, "s3:DeleteObject")
            do = f"{advice} Then delete {self._ours.key_prefix}{self._key}, which had to stay."
            raise CheckFailed("Recordings cannot be deleted, so nothing that a learner deletes would go.", do)
        require_right(answer, "s3:DeleteObject")
        return "Recordings can be deleted."

    def links(self) -> str:
        """Fetch a signed link as a browser does, by the address for browsers."""
        self._require_answer()
        if not self._written().ok:
            raise _unchecked(WRITE)
        if not self._read().ok:
            raise _unchecked(READ)
        answer, host = self._fetched(), urlsplit(self._link).hostname
        if not answer.status and answer.trouble:
            raise Warned(
                f"{host} could not be asked from here: {answer.trouble.found}", "See whether browsers reach it."
            )
        if answer.trouble:
            raise CheckFailed(f"{host} refused the signed link: {answer.trouble.found}", answer.trouble.advice)
        if answer.value != PROOF:
            raise CheckFailed(f"{host} sent other bytes for the signed link.", "Look at the proxy or CDN in between.")
        return f"{host} plays recordings by signed links."

    def address(self) -> str:
        self._require_answer()
        return require_reachable(self._link, self._origin)

    def private(self) -> str:
        self._require_answer()
        do = f'Block all public access to it, and take out of its policy what allows Principal "*". {SET_UP}'
        read, listed = self._anonymous_read(), self._anonymous_list()
        if read.ok or (read.missing and not self._written().ok):
            raise CheckFailed("Anybody can read recordings in it, without a signature.", do)
        if listed.ok:
            raise CheckFailed("Anybody can list what is in it, without a signature.", do)
        if read.trouble and not read.denied:
            raise Warned(f"A request without a signature was answered in an unexpected way: {read.trouble.found}", do)
        return "Requests without a signature are refused."

    def public_access_block(self) -> str:
        found = self._setting("get_public_access_block", "s3:GetBucketPublicAccessBlock")
        blocked = found.get("PublicAccessBlockConfiguration", {})
        if open_ := [name for name in BLOCKED if not blocked.get(name)]:
            what = "It is not on" if len(open_) == len(BLOCKED) else f"It leaves out {', '.join(open_)}"
            raise Warned(f"{what}: a wrong policy could make recordings public.", f"Block all public access. {SET_UP}")
        return "All public access is blocked."

    def cors(self) -> str:
        self._require_answer()
        fetched = self._fetched()
        allowed = fetched.headers.get("access-control-allow-origin", "")
        if allowed in ("*", self._origin):
            return f"Pages of {self._origin} may read recordings."
        if self._read().denied:
            raise _unchecked(READ)
        if not fetched.status:
            raise _unchecked("signed links")
        raise CheckFailed(
            f"Pages of {self._origin} may not read recordings from it: it has no CORS rule for them.",
            f"Allow GET and HEAD from {self._origin} in the bucket's CORS rules; if that is not the site, correct APP_URL. "
            f"{SET_UP}",
        )

    def versioning(self) -> str:
        if self._setting("get_bucket_versioning", "s3:GetBucketVersioning").get("Status") != "Enabled":
            raise Warned("It is off: what is overwritten or deleted by mistake is gone.", f"Turn it on. {SET_UP}")
        return "It is on."

    def lifecycle(self) -> str:
        rules = self._setting("get_bucket_lifecycle_configuration", "s3:GetLifecycleConfiguration").get("Rules", [])
        if not (active := [rule for rule in rules if rule["Status"] == "Enabled"]):
            raise Warned(
                "No rule is active: old recordings stay at the full price, and old versions for ever.",
                f"Decide how long to keep them. {SET_UP}",
            )
        return f"{len(active)} {'rule is' if len(active) == 1 else 'rules are'} active."

    def encryption(self) -> str:
        found = self._setting("get_bucket_encryption", "s3:GetEncryptionConfiguration")
        rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        if not rules:
            raise Warned("No default encryption is set.", f"Turn it on (SSE-S3 or SSE-KMS). {SET_UP}")
        return f"Objects are encrypted ({rules[0]['ApplyServerSideEncryptionByDefault']['SSEAlgorithm']})."

    def _require_answer(self, line: str = "") -> BucketAnswer:
        """Return the bucket's answer to a listing, allowed or not.

        If there is no such answer, raises CheckFailed if `line` is the check that reports the reason, else Warned.
        """
        answer = self._listed()
        if answer.trouble is None or answer.trouble.kind.subject not in ENDS_ALL:
            return answer
        if line == answer.trouble.kind.subject:
            raise CheckFailed(answer.trouble.found, answer.trouble.advice)
        raise _unchecked(answer.trouble.kind.subject)

    def _setting(self, verb: str, right: str) -> Json:
        """Return a setting of the bucket. Empty if it is not set. Raises a Finding if it cannot be seen."""
        self._require_answer()
        answer = ask(self._ours, verb)
        if answer.trouble is None:
            return answer.body
        if answer.trouble.kind is Kind.NOT_SUPPORTED:
            raise NotSupported("This server does not have it.")
        if answer.denied:
            raise Warned(f"The key may not look at it ({right} is denied).", allow(right, "verify"))
        if answer.missing or answer.trouble.kind is Kind.NOT_SET:
            return {}
        raise Warned(answer.trouble.found, answer.trouble.advice)

    def _list(self) -> BucketAnswer:
        answer = ask(self._ours, "list_objects_v2", MaxKeys=1)
        self._asked_at = timezone.now()
        return answer

    def _call(self, method: str, *args: object) -> BucketAnswer:
        """Call a method of the storage for the test object, as saving and moving recordings does."""
        try:
            with cloud.within(ANSWER_WITHIN):
                return BucketAnswer(value=getattr(self._ours, method)(self._key, *args))
        except FileNotFoundError:
            return BucketAnswer(Refusal(404, "NoSuchKey").trouble(self._name, ""))
        except StorageUnavailable as error:
            return BucketAnswer(error.trouble)
        except ChecksumMismatch as error:
            return BucketAnswer(Trouble(Kind.OTHER_BYTES, "BadDigest", str(error), Kind.OTHER_BYTES.advice))

    def _call_on_written(self, method: str) -> BucketAnswer:
        self._written()
        return self._call(method)

    def _read_anonymously(self) -> BucketAnswer:
        self._written()
        return ask(self._anonymous, "get_object", Key=f"{self._anonymous.key_prefix}{self._key}")

    @property
    def _link(self) -> str:
        return str(self._ours.url(self._key))

    def _fetch_as_a_page(self) -> BucketAnswer:
        """Fetch the link with the Origin header of the site's pages. The answer says whether they may read it."""
        self._written()
        link, ours = self._link, self._ours
        timeout = urllib3.Timeout(connect=CONNECT_WITHIN, read=ANSWER_WITHIN)
        try:
            with s3_wire.pool(link, ours.proxies, ours.verify) as pool:
                got = pool.request("GET", link, headers={"Origin": self._origin}, timeout=timeout, retries=False)
        except HTTPError as error:
            return BucketAnswer(no_answer(error, self._name, urlsplit(link).hostname or ""))
        headers = {name.lower(): value for name, value in got.headers.items()}
        trouble = None if got.status == 200 else ours.trouble_of(refusal_of(got))
        return BucketAnswer(trouble, got.data, headers=headers, status=got.status)


def _unchecked(line: str) -> Warned:
    return Warned("Not looked at.", f"Put “{line}” right first.")
