"""The bucket works on a real S3 server, and on sockets that replay rare answers."""

import base64
import contextlib
import hashlib
import re
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile

from audio import s3 as module
from audio import s3_wire
from audio.s3 import ChecksumMismatch, S3AudioStorage
from audio.s3_errors import StorageUnavailable
from core import cloud
from tests.clouds import wait_for
from tests.servers import S3Server, s3_front
from tests.servers.s3_front import fronted

SAID = bytes(range(256)) * 256  # 64 KB
# Seconds, counted from the whole second before the signature.
LIVES = 3
SECRET = "a-secret-that-nobody-may-read"


def options_for(server: S3Server) -> dict[str, Any]:
    return {
        "bucket_name": server.env["S3_BUCKET_NAME"],
        "access_key": server.env["AWS_ACCESS_KEY_ID"],
        "secret_key": server.env["AWS_SECRET_ACCESS_KEY"],
        "region_name": server.env["AWS_REGION"],
        "endpoint_url": server.endpoint,
        "querystring_expire": 60,
    }


@pytest.fixture
def options(s3: S3Server) -> dict[str, Any]:
    return options_for(s3)


@pytest.fixture
def storage(settings: Any, s3: S3Server, options: dict[str, Any]) -> Iterator[Any]:
    cloud_storage = {"BACKEND": "audio.s3.S3AudioStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"audio_cloud": cloud_storage}
    yield storages["audio_cloud"]
    s3.empty()


@pytest.fixture
def key(storage: Any) -> str:
    """Return the key of a stored recording."""
    return storage.save(new_key(), ContentFile(SAID))


def new_key(extension: str = "webm") -> str:
    return f"audio/1714521600000-{uuid.uuid4().hex}-user.{extension}"


def fetch(url: str, **headers: str) -> Any:
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)


def status(url: str) -> int:
    try:
        with fetch(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


# Keeping


def test_what_is_saved_can_be_read_byte_for_byte(storage: Any, key: str) -> None:
    assert storage.read(key) == SAID


def test_a_key_is_kept_as_it_is(storage: Any) -> None:
    name = new_key()
    assert storage.save(name, ContentFile(SAID)) == storage.save(name, ContentFile(SAID)) == name


def test_a_partly_read_file_is_saved_completely(storage: Any) -> None:
    content = ContentFile(SAID)
    content.read(100)
    assert storage.read(storage.save(new_key(), content)) == SAID


def test_empty_content_can_be_saved(storage: Any) -> None:
    assert storage.read(storage.save(new_key(), ContentFile(b""))) == b""


def test_a_storage_can_be_opened_as_any_other(storage: Any, key: str) -> None:
    with storage.open(key) as file:
        assert file.read() == SAID


def test_reading_a_missing_object_raises_file_not_found(storage: Any) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read(new_key())


def test_the_server_tells_size_and_checksum(storage: Any, key: str) -> None:
    assert storage.head(key) == module.StoredObject(len(SAID), hashlib.sha256(SAID).hexdigest())
    assert storage.size(key) == len(SAID)


def test_the_answer_to_a_put_says_what_is_stored(storage: Any, key: str) -> None:
    assert storage.put(key, SAID) == hashlib.sha256(SAID).hexdigest()


def test_the_head_of_a_missing_object_raises_file_not_found(storage: Any) -> None:
    with pytest.raises(FileNotFoundError):
        storage.head(new_key())


def test_a_recording_exists_until_it_is_deleted(storage: Any, key: str) -> None:
    assert storage.exists(key)
    storage.delete(key)
    assert not storage.exists(key)


def test_deleting_a_missing_object_is_no_error(storage: Any) -> None:
    storage.delete(new_key())


def test_bytes_with_another_checksum_are_refused(storage: Any) -> None:
    name = new_key()
    with pytest.raises(ChecksumMismatch):
        storage.put(name, SAID, sha256=hashlib.sha256(b"something else").hexdigest())
    assert not storage.exists(name)


def test_threads_share_one_client(storage: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        clients = set(pool.map(lambda _: id(storage.client), range(64)))
    assert len(clients) == 1


def test_threads_do_not_mix_up_what_they_save(storage: Any) -> None:
    said = {new_key(): uuid.uuid4().bytes * 1000 for _ in range(64)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: storage.put(name, said[name]), said))
        assert dict(zip(said, pool.map(storage.read, said), strict=True)) == said


def test_a_probe_leaves_nothing(storage: Any, s3: S3Server) -> None:
    storage.probe()
    assert not s3.objects()


# Links


@pytest.mark.parametrize(
    ("extension", "given", "shown"),
    [
        ("webm", "", "audio/webm"),
        ("mp3", "", "audio/mpeg"),
        ("webm", "video/webm", "audio/webm"),
        ("bin", "audio/ogg", "audio/ogg"),
        ("unknown", "", "application/octet-stream"),
    ],
)
def test_a_link_gives_the_bytes_and_their_type(storage: Any, extension: str, given: str, shown: str) -> None:
    name = new_key(extension)
    storage.save(name, SimpleUploadedFile(name, SAID, content_type=given))
    with fetch(storage.url(name)) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (SAID, shown)


@pytest.mark.parametrize(("speaker", "is_marked"), [("ai", True), ("user", False)])
def test_an_object_with_a_synthetic_voice_is_marked(storage: Any, speaker: str, is_marked: bool) -> None:
    name = new_key("webm").replace(".webm", f"-{speaker}.webm")
    storage.put(name, SAID)
    metadata = storage.client.head_object(Bucket=storage.bucket_name, Key=name)["Metadata"]
    mark = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert metadata == ({"digital-source-type": mark} if is_marked else {})


def test_a_proxy_may_not_cache_the_answer_to_a_link(storage: Any, key: str) -> None:
    with fetch(storage.url(key)) as answer:
        assert answer.headers["Cache-Control"] == "private"


def test_a_link_gives_a_part_of_the_bytes(storage: Any, key: str) -> None:
    with fetch(storage.url(key), Range="bytes=10-19") as answer:
        assert (answer.status, answer.read()) == (206, SAID[10:20])


def test_a_link_works_for_any_key(storage: Any) -> None:
    name = storage.save("audio/ü &+%~'()?#.webm", ContentFile(SAID))
    assert status(storage.url(name)) == 200


def test_a_link_needs_no_server(options: dict[str, Any]) -> None:
    assert S3AudioStorage(**options | {"endpoint_url": "http://127.0.0.1:9"}).url("k").startswith("http://127.0.0.1:9/")


def test_nothing_is_public(storage: Any, key: str) -> None:
    plain = storage.url(key).partition("?")[0]
    assert status(plain) == 403
    assert status(plain.removesuffix(key)) == 403


def test_the_server_refuses_a_link_that_has_expired(storage: Any, key: str) -> None:
    for _ in range(10):
        link = storage.url(key, expire=LIVES)
        # If the machine stalls, the link expires first.
        if status(link) == 200:
            break
    else:
        raise AssertionError("None was good for long enough to be asked for.")
    wait_for(lambda: status(link) == 403)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [("X-Amz-Signature=.{8}", "X-Amz-Signature=00000000"), ("Expires=60", "Expires=6000"), ("-user", "-ai")],
    ids=["signature", "expiry", "key"],
)
def test_the_server_refuses_a_link_that_was_changed(storage: Any, key: str, pattern: str, replacement: str) -> None:
    changed = re.sub(pattern, replacement, storage.url(key))
    assert changed != storage.url(key)
    assert status(changed) == 403


def test_parameters_of_boto3_are_in_the_link(storage: Any, key: str) -> None:
    with fetch(storage.url(key, parameters={"ResponseContentDisposition": "attachment"})) as answer:
        assert answer.headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize(
    ("bucket", "region", "begin"),
    [
        ("talk", "eu-west-1", "https://talk.s3.eu-west-1.amazonaws.com/audio/1.webm?"),
        ("talk", "us-east-1", "https://talk.s3.amazonaws.com/audio/1.webm?"),
        ("talk", "cn-north-1", "https://talk.s3.cn-north-1.amazonaws.com.cn/audio/1.webm?"),
        ("talk.example.org", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/talk.example.org/audio/1.webm?"),
    ],
)
def test_a_link_leads_to_the_buckets_own_region(options: dict[str, Any], bucket: str, region: str, begin: str) -> None:
    aws = S3AudioStorage(**options | {"bucket_name": bucket, "region_name": region, "endpoint_url": ""})
    link = aws.url("audio/1.webm")
    assert link.startswith(begin)
    assert parse_qs(urlsplit(link).query)["X-Amz-Credential"][0].split("/")[2] == region


def test_a_link_with_temporary_keys_has_their_token(options: dict[str, Any]) -> None:
    assert "X-Amz-Security-Token=a%2Ftoken" in S3AudioStorage(**options, security_token="a/token").url("k")


PUBLIC = "https://recordings.example.org"


def test_a_link_leads_to_the_address_for_browsers(options: dict[str, Any], key: str) -> None:
    """The signature is for that address, because a proxy there passes the Host header on."""
    storage = S3AudioStorage(**options | {"public_endpoint_url": f"{PUBLIC}/"})
    link = storage.url(key)
    assert link.startswith(f"{PUBLIC}/{options['bucket_name']}/audio/")
    behind = link.replace(PUBLIC, options["endpoint_url"])
    with fetch(behind, Host=urlsplit(PUBLIC).netloc) as answer:
        assert answer.read() == SAID
    assert status(behind) == 403
    assert storage.read(key) == SAID


def test_cloudfront_comes_before_the_address_for_browsers(cloudfront: dict[str, Any]) -> None:
    link = S3AudioStorage(**cloudfront | {"public_endpoint_url": PUBLIC}).url("k")
    assert link.startswith("https://d111.cloudfront.net/")


def test_a_server_may_want_the_bucket_in_the_host_name(options: dict[str, Any]) -> None:
    virtual = options | {"endpoint_url": "https://s3.example.org", "addressing_style": "virtual"}
    link = S3AudioStorage(**virtual | {"bucket_name": "talk"}).url("k")
    assert link.startswith("https://talk.s3.example.org/k?")


# A prefix


@pytest.fixture
def prefixed(options: dict[str, Any], s3: S3Server) -> Iterator[S3AudioStorage]:
    yield S3AudioStorage(**options, key_prefix="/apps/talk/")
    s3.empty()


def test_every_verb_puts_the_prefix_before_a_key(prefixed: S3AudioStorage, s3: S3Server) -> None:
    name = new_key()
    prefixed.put(name, SAID)
    assert set(s3.objects()) == {f"apps/talk/{name}"}
    assert (prefixed.read(name), prefixed.size(name), prefixed.exists(name)) == (SAID, len(SAID), True)
    with fetch(prefixed.url(name)) as answer:
        assert answer.read() == SAID
    with fetch(prefixed.url(name, parameters={"ResponseContentDisposition": "attachment"})) as answer:
        assert answer.read() == SAID
    prefixed.delete(name)
    assert not s3.objects()


def test_a_probe_stays_behind_the_prefix(prefixed: S3AudioStorage, s3: S3Server) -> None:
    with fronted(s3.port, lambda method, path, headers: None) as front:
        prefixed = S3AudioStorage(**options_for(s3) | {"endpoint_url": front.url, "key_prefix": "apps/talk"})
        prefixed.probe()
    assert {path.partition("/apps/talk/audio/probe/")[1] for path in front.paths} == {"/apps/talk/audio/probe/"}


# Habits of other makers

HABITS = {
    each.__name__: each
    for each in (
        *(s3_front.without_checksums, s3_front.without_checksums_in_writing),
        *(s3_front.without_checksums_in_looking, s3_front.without_head),
    )
}


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
@pytest.mark.parametrize("first", ["put", "head", "probe", "save"])
def test_refused_checksum_headers_are_left_out_of_every_request(
    s3: S3Server, habit: s3_front.Habit, first: str
) -> None:
    """Each request is refused once at most, whichever comes first, and then all succeed."""
    name = new_key()
    with fronted(s3.port, habit) as front:
        storage = S3AudioStorage(**options_for(s3) | {"endpoint_url": front.url})
        begin = {
            "put": lambda: storage.put(name, SAID),
            "head": lambda: storage.exists(new_key()),
            "probe": storage.probe,
            "save": lambda: storage.save(name, ContentFile(SAID)),
        }
        begin[first]()
        storage.put(name, SAID)
        assert (storage.head(name).size, storage.read(name)) == (len(SAID), SAID)
        with fetch(storage.url(name)) as answer:
            assert answer.read() == SAID
        with pytest.raises(FileNotFoundError):
            storage.head(new_key())
        storage.delete(name)
        assert not storage.exists(name)
        before = front.refused.copy()
        storage.probe()
        storage.client.list_objects_v2(Bucket=storage.bucket_name)
        again = front.refused - before
    assert again["PUT"] == 0
    assert again["HEAD"] == 0 or habit is s3_front.without_head


@pytest.mark.parametrize(
    "habit", [s3_front.without_checksums, lambda method, path, headers: None], ids=["MD5", "SHA-256"]
)
def test_bytes_that_are_damaged_on_the_way_are_refused(s3: S3Server, habit: s3_front.Habit) -> None:
    name = new_key()
    with fronted(s3.port, habit) as front:
        storage = S3AudioStorage(**options_for(s3) | {"endpoint_url": front.url})
        storage.probe()
        front.damages = True
        with pytest.raises(ChecksumMismatch):
            storage.put(name, SAID)
        assert not storage.exists(name)


# CloudFront


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def cloudfront(options: dict[str, Any], private_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return options | {
        "cloudfront_domain": "d111.cloudfront.net",
        "cloudfront_key_id": "K123",
        "cloudfront_key": pem,
    }


def verify_cloudfront(link: str, key: rsa.RSAPrivateKey) -> None:
    query = parse_qs(urlsplit(link).query)
    resource, expires = link.partition("?")[0], query["Expires"][0]
    policy = (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    )
    signature = base64.b64decode(query["Signature"][0].translate(str.maketrans("-_~", "+=/")))
    key.public_key().verify(signature, policy.encode(), padding.PKCS1v15(), hashes.SHA1())


def test_a_cloudfront_link_is_signed_with_the_private_key(cloudfront: dict[str, Any], private_key: Any) -> None:
    link = S3AudioStorage(**cloudfront).url("audio/1.webm")
    assert link.startswith("https://d111.cloudfront.net/audio/1.webm?")
    assert parse_qs(urlsplit(link).query)["Key-Pair-Id"] == ["K123"]
    verify_cloudfront(link, private_key)
    with pytest.raises(InvalidSignature):
        verify_cloudfront(link.replace("1.webm", "2.webm"), private_key)


def test_a_cloudfront_link_expires(cloudfront: dict[str, Any]) -> None:
    before = int(time.time())
    link = S3AudioStorage(**cloudfront).url("audio/1.webm")
    assert before + 60 <= int(parse_qs(urlsplit(link).query)["Expires"][0]) <= time.time() + 60


def test_a_cloudfront_key_may_have_its_line_breaks_written_out(cloudfront: dict[str, Any], private_key: Any) -> None:
    written_out = cloudfront | {"cloudfront_key": cloudfront["cloudfront_key"].replace("\n", "\\n")}
    verify_cloudfront(S3AudioStorage(**written_out).url("audio/1.webm"), private_key)


def test_a_cloudfront_domain_may_be_written_as_a_url(cloudfront: dict[str, Any]) -> None:
    pasted = S3AudioStorage(**cloudfront | {"cloudfront_domain": "https://d111.cloudfront.net/"})
    assert pasted.url("k").startswith("https://d111.cloudfront.net/k?")


@pytest.mark.parametrize(
    "wrong",
    [
        {"cloudfront_key": "", "cloudfront_key_id": ""},
        {"cloudfront_key": ""},
        {"cloudfront_key_id": ""},
        {"cloudfront_key": SECRET},
        {"endpoint_url": "localhost:9000"},
        {"access_key": "two words"},
        {"endpoint_url": "http://[bad"},
        {"public_endpoint_url": "recordings.example.org"},
        {"key_prefix": "../theirs"},
        {"key_prefix": "a//b"},
        {"key_prefix": "with space"},
    ],
)
def test_invalid_options_are_refused_at_once(cloudfront: dict[str, Any], wrong: dict[str, str]) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        S3AudioStorage(**cloudfront | wrong)
    assert SECRET not in str(refused.value)


# Troubles


class Played:
    """Give these answers in turn, each on a separate connection. Then accept connections and stay silent."""

    def __init__(self, *answers: bytes) -> None:
        self.requests: list[bytes] = []
        self._silent: list[socket.socket] = []
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            # Wake the thread that waits for a connection.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._silent:
            connection.close()

    def left_without_answer(self) -> int:
        """Return the number of silent connections so far.

        Connections are accepted in order, and the last one is this method's own.
        """
        with socket.create_connection(self._socket.getsockname()) as ours:
            wait_for(lambda: ours.getsockname() in [each.getpeername() for each in self._silent])
        return len(self._silent) - 1

    def _serve(self) -> None:
        # The socket may be closed before all answers were given.
        with contextlib.suppress(OSError):
            for answer in self._answers:
                connection, _ = self._socket.accept()
                with connection:
                    self.requests.append(self._request(connection))
                    connection.sendall(answer)
            while True:
                self._silent.append(self._socket.accept()[0])

    def _request(self, connection: socket.socket) -> bytes:
        received = b""
        while not (head := received.partition(b"\r\n\r\n"))[1] or len(head[2]) < self._length(head[0]):
            received += connection.recv(65536)
        return received

    def _length(self, head: bytes) -> int:
        found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        return int(found[1]) if found else 0


def answer(code: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (code, len(body), body)


def error(code: int, name: str, message: str = "") -> bytes:
    return answer(code, f"<Error><Code>{name}</Code><Message>{message}</Message></Error>".encode())


@pytest.fixture
def play(options: dict[str, Any]) -> Iterator[Callable[..., tuple[S3AudioStorage, Played]]]:
    played: list[Played] = []

    def start(*answers: bytes) -> tuple[S3AudioStorage, Played]:
        played.append(Played(*answers))
        return S3AudioStorage(**options | {"endpoint_url": played[-1].url}), played[-1]

    yield start
    for each in played:
        each.close()


WRONG = {
    "secret": ({"secret_key": SECRET}, "The secret of the access key is not accepted"),
    "key": ({"access_key": "AKIANOBODY", "secret_key": SECRET}, "The access key is not accepted"),
    "no secret": ({"secret_key": ""}, "No credentials"),
    "denied": ({"bucket_name": "of-others"}, "Access to the bucket of-others is denied"),
    "name": ({"bucket_name": "not a name"}, "not a name cannot be the name of a bucket"),
    "refused": ({"endpoint_url": "http://127.0.0.1:9"}, "127.0.0.1 refused the connection"),
    "unknown": ({"endpoint_url": "http://nowhere.invalid"}, "The host name nowhere.invalid is not known"),
}


@pytest.mark.parametrize(("wrong", "sentence"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("verb", ["read", "head", "exists"])
def test_an_error_is_reported_in_a_sentence(
    options: dict[str, Any], wrong: dict[str, str], sentence: str, verb: str
) -> None:
    storage = S3AudioStorage(**options | wrong)
    with pytest.raises(StorageUnavailable, match=f"^{sentence}.*[.]$") as trouble:
        getattr(storage, verb)("k")
    assert (options | wrong)["secret_key"] not in str(trouble.value) or not (options | wrong)["secret_key"]


@pytest.mark.parametrize("verb", ["probe", "put", "delete"])
def test_a_key_that_may_only_read_is_reported(own_s3: S3Server, verb: str) -> None:
    storage = S3AudioStorage(**options_for(own_s3))
    with own_s3.read_only(), pytest.raises(StorageUnavailable, match=r"^Access to the bucket .* is denied"):
        call(storage, verb)


# SeaweedFS answers AccessDenied only to a PUT.
@pytest.mark.parametrize("verb", ["read", "head", "exists", "delete"])
def test_a_missing_bucket_is_not_a_missing_recording(own_s3: S3Server, verb: str) -> None:
    storage = S3AudioStorage(**options_for(own_s3))
    with own_s3.missing(), pytest.raises(StorageUnavailable, match=r"^The bucket .* does not exist"):
        call(storage, verb)


def call(storage: S3AudioStorage, verb: str) -> None:
    getattr(storage, verb)(*{"probe": (), "put": ("k", SAID)}.get(verb, ("k",)))


@pytest.mark.parametrize(
    ("code", "name", "sentence"),
    [
        (403, "RequestTimeTooSkewed", "This machine's clock and that of 127.0.0.1 differ"),
        (404, "NoSuchBucket", "The bucket .* does not exist"),
        (301, "PermanentRedirect", "The bucket .* is in another region"),
        (400, "ExpiredToken", "The session token is not valid"),
        (418, "SomethingNew", r"127.0.0.1 answers 418 \(SomethingNew\)"),
        (418, "<script>", r"127.0.0.1 answers 418 \(418\)"),
    ],
)
def test_a_refusal_of_the_server_is_reported(play: Any, code: int, name: str, sentence: str) -> None:
    storage, _ = play(error(code, name))
    with pytest.raises(StorageUnavailable, match=f"^{sentence}"):
        storage.read("k")


KMS = (
    "User: arn:aws:iam::1:user/talk is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:…:key/1"
)
EXPECTING = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'"
PROTECTED = "Access Denied because object protected by object lock."


@pytest.mark.parametrize(
    ("code", "name", "message", "sentences"),
    [
        (403, "AccessDenied", KMS, ["KMS key", "kms:GenerateDataKey", "kms:Decrypt", "--print-iam kms"]),
        (400, "KMS.DisabledException", "arn:aws:kms:…:key/1 is disabled.", ["KMS key", "Enable that KMS key"]),
        (403, "AccessDenied", "Access Denied", ["Access to the bucket", "s3:PutObject"]),
        (
            403,
            "AccessDenied",
            "User: talk is not authorized to perform: s3:PutObjectAcl on resource: x with an explicit deny",
            ["Allow s3:PutObjectAcl", "explicit deny"],
        ),
        (403, "AccessDenied", "Request has expired", ["has expired", "clock"]),
        (403, "AccessDenied", PROTECTED, ["Object Lock"]),
        (400, "UserProjectMissing", "Bucket is a requester pays bucket.", ["requester pay", "Requester Pays off"]),
        (400, "RequestTimeout", "Your connection was not read from.", ["whole request"]),
        (403, "AccessDenied", "Cannot upload files, storage cap exceeded.", ["full", "cap of the account"]),
        (507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold.", ["full"]),
        (400, "ExpiredToken", "The provided token has expired.", ["has expired", "ExpiredToken", "AWS_SESSION_TOKEN"]),
        (400, "InvalidToken", "The provided token is malformed.", ["not valid", "AWS_SESSION_TOKEN"]),
        (403, "InvalidAccessKeyId", "It does not exist in our records.", ["AWS_ACCESS_KEY_ID"]),
        (403, "SignatureDoesNotMatch", "Check your key.", ["AWS_SECRET_ACCESS_KEY", "proxy"]),
        (403, "RequestTimeTooSkewed", "The difference is too large.", ["clock", "timedatectl"]),
        (400, "AuthorizationHeaderMalformed", EXPECTING, ["another region", "AWS_REGION=eu-west-1"]),
        (301, "PermanentRedirect", "Use the specified endpoint.", ["another region", "AWS_REGION"]),
        (400, "InvalidRegionName", "Must be one of: wnam, auto", ["another region", "Must be one of"]),
        (403, "SecondLevelDomainForbidden", "Use virtual hosted style.", ["AWS_S3_ADDRESSING_STYLE"]),
        (404, "NoSuchBucket", "No such bucket.", ["S3_BUCKET_NAME"]),
    ],
)
def test_an_error_is_read_by_code_and_message(
    play: Any, code: int, name: str, message: str, sentences: list[str]
) -> None:
    storage, _ = play(*[error(code, name, message)] * 2)
    with pytest.raises(StorageUnavailable) as trouble:
        storage.read("k")
    assert not [sentence for sentence in sentences if sentence not in str(trouble.value)]
    assert message.rstrip(".") in str(trouble.value)


def test_the_servers_message_is_quoted_without_secrets(play: Any, options: dict[str, Any]) -> None:
    message = f"{options['secret_key']} of {options['access_key']} and AKIAIOSFODNN7EXAMPLE\n&lt;b&gt;" + "x" * 999
    storage, _ = play(error(403, "AccessDenied", message))
    with pytest.raises(StorageUnavailable, match=r"The server says: “… of … and … <b>x+…”") as trouble:
        storage.read("k")
    assert len(str(trouble.value)) < 700


def test_a_denied_request_is_not_repeated(play: Any) -> None:
    storage, server = play(error(403, "AccessDenied"), error(403, "AccessDenied"))
    with pytest.raises(StorageUnavailable):
        storage.put("k", SAID)
    assert len(server.requests) == 1


def test_errors_of_boto3_are_reported_in_the_same_way(storage: Any) -> None:
    with pytest.raises(StorageUnavailable, match=r"^Access to the bucket") as trouble, storage.translated():
        storage.client.list_objects_v2(Bucket="of-others")
    assert isinstance(trouble.value.__cause__, ClientError)


def test_a_server_that_hangs_is_waited_for_once(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_wire, "ANSWER_WITHIN", 0.3)
    storage, server = play()
    with pytest.raises(StorageUnavailable, match=r"^127.0.0.1 did not answer in time"):
        storage.read("k")
    assert server.left_without_answer() == 1


def test_a_server_that_hangs_is_not_waited_for_longer_than_the_request_may(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_wire, "ANSWER_WITHIN", 120)
    storage, _ = play()
    breaker = cloud.Breaker("audio bucket", lambda: True, lambda: (StorageUnavailable,))
    began = time.monotonic()
    with cloud.patience(0.3), pytest.raises(cloud.Unavailable), breaker.use():
        storage.read("k")
    # The client's own timeout is 120 s. A loaded machine needs some seconds.
    assert time.monotonic() - began < 30


def test_each_verb_is_one_request(play: Any) -> None:
    storage, server = play(answer(200), answer(200, SAID), answer(204))
    storage.save("k", ContentFile(SAID))
    storage.read("k")
    storage.delete("k")
    assert [request.split()[0] for request in server.requests] == [b"PUT", b"GET", b"DELETE"]


@pytest.mark.parametrize("first", [b"", error(503, "SlowDown")], ids=["closed connection", "internal error"])
def test_a_single_server_error_is_retried_once(play: Any, first: bytes) -> None:
    storage, _ = play(first, answer(200, SAID))
    assert storage.read("k") == SAID


def test_a_repeated_server_error_is_reported(play: Any) -> None:
    storage, _ = play(*[error(503, "SlowDown")] * 2)
    with pytest.raises(StorageUnavailable, match=r"^127.0.0.1 is too busy \(SlowDown\)"):
        storage.read("k")


def test_a_truncated_answer_is_an_error(play: Any) -> None:
    storage, _ = play(*[answer(200, SAID)[:-1]] * 2)
    with pytest.raises(StorageUnavailable, match="closed the connection"):
        storage.read("k")


def test_a_server_that_knows_no_checksums_still_gets_the_bytes(play: Any) -> None:
    refusal = error(400, "InvalidArgument", "Unsupported header 'x-amz-checksum-sha256' received for this API call.")
    storage, server = play(refusal, answer(200), answer(200))
    assert storage.put("k", SAID) is None
    storage.put("k", SAID)
    digest = hashlib.sha256(SAID).hexdigest().encode()
    assert [b"x-amz-checksum-sha256" in request for request in server.requests] == [True, False, False]
    assert all(digest in request for request in server.requests)


@pytest.mark.parametrize("returned", [answer(200, b"other bytes"), error(404, "NoSuchKey")], ids=["changed", "lost"])
def test_a_probe_detects_a_server_that_loses_objects(play: Any, returned: bytes) -> None:
    storage, _ = play(answer(200), returned, answer(204))
    with pytest.raises(StorageUnavailable):
        storage.probe()
