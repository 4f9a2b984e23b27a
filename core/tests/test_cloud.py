import logging
import re
import threading
import time
from collections.abc import Callable
from contextvars import copy_context

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from core import cloud
from core.cloud import Breaker, Unavailable
from tests.clouds import wait_for

pytestmark = pytest.mark.usefixtures("fast_breakers")


class Backend:
    """Hold a backend with a breaker. `probe` fails as long as `wrong` is set."""

    def __init__(self) -> None:
        self.on = True
        self.wrong: Exception | None = None
        self.asked = 0
        self.breaker = Breaker(
            "backend", lambda: self.on, lambda: (OperationalError, DataError, OSError, IntegrityError)
        )
        self.breaker.probe = self.probe

    def probe(self) -> None:
        self.asked += 1
        if self.wrong:
            raise self.wrong

    def use(self, work: Callable[[], object] = lambda: None) -> None:
        with self.breaker.use():
            work()

    def fail(self, error: Exception | None = None) -> None:
        """Let an operation fail, and all later ones."""
        self.wrong = error or OperationalError("connection refused")
        with pytest.raises(Unavailable):
            self.use(self.probe)

    def repair(self) -> None:
        self.wrong = None
        wait_for(lambda: self.breaker.up)


@pytest.fixture
def backend():
    backend = Backend()
    yield backend
    backend.repair()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# Opening a breaker


def test_what_works_leaves_it_closed(backend: Backend) -> None:
    backend.use()
    assert backend.breaker.usable


@pytest.mark.parametrize("error", [OperationalError("gone"), OSError("gone")])
def test_it_opens_at_the_first_failure(backend: Backend, error: Exception) -> None:
    backend.fail(error)
    assert (backend.breaker.up, backend.breaker.usable) == (False, False)


def test_the_failure_is_the_cause_of_what_is_raised(backend: Backend) -> None:
    backend.wrong = OperationalError("gone")
    with pytest.raises(Unavailable) as raised:
        backend.use(backend.probe)
    assert raised.value.__cause__ is backend.wrong


@pytest.mark.parametrize("error", [IntegrityError("twice"), FileNotFoundError("no such key"), KeyError("x")])
def test_what_the_caller_did_wrong_passes_through(backend: Backend, error: Exception) -> None:
    backend.wrong = error
    with pytest.raises(type(error)):
        backend.use(backend.probe)
    assert backend.breaker.up


def test_what_the_database_does_not_take_is_unavailable_and_leaves_it_closed(backend: Backend) -> None:
    backend.fail(DataError("value too long"))
    assert backend.breaker.up


def test_an_open_one_is_unavailable_without_a_call(backend: Backend) -> None:
    backend.fail()
    called: list[int] = []
    with pytest.raises(Unavailable):
        backend.use(lambda: called.append(1))
    assert called == []


def test_what_is_off_is_unavailable_without_a_call_and_not_down(backend: Backend) -> None:
    backend.on = False
    called: list[int] = []
    with pytest.raises(Unavailable):
        backend.use(lambda: called.append(1))
    assert (called, backend.breaker.up, backend.breaker.usable) == ([], True, False)


def test_asking_now_opens_it(backend: Backend) -> None:
    backend.wrong = OperationalError("gone")
    backend.breaker.check()
    assert not backend.breaker.up


def test_asking_now_leaves_it_closed_if_it_answers(backend: Backend) -> None:
    backend.breaker.check()
    assert (backend.breaker.up, backend.asked) == (True, 1)


def test_many_threads_that_fail_at_once_open_it_once(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    together = threading.Barrier(16)

    def fail() -> None:
        together.wait()
        backend.breaker.trip(OperationalError("gone"))

    backend.wrong = OperationalError("gone")
    threads = [threading.Thread(target=fail) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(caplog)) == 1
    assert len([each for each in threading.enumerate() if each.name == "backend-probe"]) == 1


# Closing a breaker


def test_it_closes_when_the_backend_answers(backend: Backend) -> None:
    backend.fail()
    backend.repair()
    backend.use()
    assert backend.breaker.cause == ""


def test_it_is_asked_until_it_answers(backend: Backend) -> None:
    backend.fail()
    before = backend.asked
    wait_for(lambda: backend.asked > before + 3)
    assert not backend.breaker.up


def test_nobody_asks_once_it_has_answered(backend: Backend) -> None:
    backend.fail()
    backend.repair()
    wait_for(lambda: not [each for each in threading.enumerate() if each.name == "backend-probe"])
    before = backend.asked
    time.sleep(0.03)
    assert backend.asked == before


def test_it_opens_and_closes_again_and_again(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        backend.fail()
        backend.repair()
    wait_for(lambda: len(lines(caplog)) == 6)


def test_the_log_says_when_it_goes_and_when_it_is_back_and_no_more(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.fail()
    for _ in range(5):
        with pytest.raises(Unavailable):
            backend.use()
    wait_for(lambda: backend.asked > 3)
    backend.repair()
    wait_for(lambda: len(lines(caplog)) == 2)
    gone, back = lines(caplog)
    assert gone == "The backend cannot be used: connection refused. What is said is kept locally until it can."
    assert re.fullmatch(r"The backend is back after \d+ s\.", back)


# Patience


class Clock:
    """Replace the breakers' clock. It stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic
    # For the probe.
    sleep = staticmethod(time.sleep)

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cloud, "time", clock)
    return clock


def test_outside_of_a_request_there_is_no_limit() -> None:
    assert cloud.seconds_left() is None


def test_a_request_waits_so_long_for_what_no_breaker_guards() -> None:
    with cloud.patience(1):
        assert cloud.seconds_left() == cloud.PATIENCE_ELSEWHERE


def test_an_operation_may_wait_as_long_as_its_request(backend: Backend, clock: Clock) -> None:
    with cloud.patience(1), backend.breaker.use():
        assert cloud.seconds_left() == pytest.approx(1)


def test_an_operation_of_no_request_may_wait_as_long_as_one(backend: Backend, clock: Clock) -> None:
    with backend.breaker.use():
        assert cloud.seconds_left() == pytest.approx(cloud.PATIENCE)


def test_all_operations_of_a_request_share_its_patience(backend: Backend, clock: Clock) -> None:
    other = Backend()
    with cloud.patience(1):
        backend.use(lambda: clock.passes(0.1))
        with other.breaker.use():
            assert cloud.seconds_left() == pytest.approx(0.9)


def test_what_the_request_does_between_is_not_counted(backend: Backend, clock: Clock) -> None:
    with cloud.patience(1):
        backend.use()
        clock.passes(0.1)
        with backend.breaker.use():
            assert cloud.seconds_left() == pytest.approx(1)


def test_an_operation_within_another_is_counted_once_and_waits_no_longer(backend: Backend, clock: Clock) -> None:
    inner = Backend()
    with cloud.patience(1):
        with backend.breaker.use():
            clock.passes(0.1)
            with inner.breaker.use():
                clock.passes(0.1)
                assert cloud.seconds_left() == pytest.approx(0.8)
        with backend.breaker.use():
            assert cloud.seconds_left() == pytest.approx(0.8)


def test_a_request_whose_patience_is_spent_is_told_at_once(backend: Backend, clock: Clock) -> None:
    called: list[int] = []
    with cloud.patience(1):
        backend.use(lambda: clock.passes(2))
        with pytest.raises(Unavailable):
            backend.use(lambda: called.append(1))
    assert called == []


def test_that_opens_nothing(backend: Backend) -> None:
    with cloud.patience(0), pytest.raises(Unavailable):
        backend.use()
    assert backend.breaker.up


def test_an_operation_late_in_its_patience_has_no_less_than_nothing(backend: Backend, clock: Clock) -> None:
    with cloud.patience(1), backend.breaker.use():
        clock.passes(2)
        assert cloud.seconds_left() == 0


def test_the_next_request_has_its_own_patience(backend: Backend, clock: Clock) -> None:
    def request() -> None:
        cloud.begin_request()
        backend.use(lambda: clock.passes(1))
        assert cloud.end_request() == pytest.approx(1)

    request()
    copy_context().run(request)
    cloud.begin_request()
    with backend.breaker.use():
        left = cloud.seconds_left()
    cloud.end_request()
    assert left == pytest.approx(cloud.PATIENCE)


def test_a_request_has_no_limit_once_it_has_ended() -> None:
    cloud.begin_request()
    cloud.end_request()
    assert cloud.seconds_left() is None


# Shut out


@pytest.fixture
def guarded(backend: Backend, settings) -> Backend:
    settings.CLOUD_DATABASE = "cloud"
    return backend


def test_queries_to_a_database_that_is_up_are_let_in(guarded: Backend) -> None:
    assert not guarded.breaker.shuts_out("cloud")


def test_queries_to_one_that_is_down_are_shut_out(guarded: Backend) -> None:
    guarded.fail()
    assert guarded.breaker.shuts_out("cloud")


def test_queries_to_another_are_not(guarded: Backend) -> None:
    guarded.fail()
    assert not guarded.breaker.shuts_out("local")


def test_the_probe_is_not_shut_out(guarded: Backend) -> None:
    shut_out: list[bool] = []
    guarded.fail()
    guarded.breaker.probe = lambda: shut_out.append(guarded.breaker.shuts_out("cloud"))
    wait_for(lambda: guarded.breaker.up)
    assert set(shut_out) == {False}


# Causes

HOST, SECRET = "db.internal.example.org", "hunter2"
ANSWERS, REFUSED, KEYS = "it does not answer", "the connection is refused", "the credentials are refused"
MISSING, WRITING = "it does not exist", "writing is refused"
MONGO = "(configured timeouts: socketTimeoutMS: 20000.0ms, connectTimeoutMS: 2000.0ms)"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        # PostgreSQL
        (f'connection to server at "{HOST}" (10.0.0.1), port 5432 failed: Connection refused', REFUSED),
        ("server closed the connection unexpectedly", REFUSED),
        ("terminating connection due to administrator command", REFUSED),
        ("FATAL:  the database system is starting up", REFUSED),
        ("FATAL:  the database system is shutting down", REFUSED),
        ("timeout: the server did not answer in time", ANSWERS),
        ("connection timeout expired", ANSWERS),
        ("couldn't get a connection after 2.00 sec", ANSWERS),
        ("canceling statement due to statement timeout", ANSWERS),
        ('FATAL:  password authentication failed for user "admin"', KEYS),
        ('FATAL:  role "admin" does not exist', KEYS),
        ('FATAL:  database "talk" does not exist', MISSING),
        ('relation "conversations_conversation" does not exist', MISSING),
        ("cannot execute INSERT in a read-only transaction", WRITING),
        ("permission denied for table conversations_conversation", WRITING),
        # MongoDB
        (f"{HOST}:27017: [Errno 111] Connection refused {MONGO}, Timeout: 2.0s, Topology: <…>", REFUSED),
        (f"{HOST}:27017: connection closed {MONGO}", REFUSED),
        (f"{HOST}:27017: timed out {MONGO}", ANSWERS),
        ("No replica set members found yet, Timeout: 2.0s", ANSWERS),
        ("Authentication failed., full error: {'ok': 0.0, 'code': 18}", KEYS),
        ("not authorized on talk to execute command { insert: 'x' }", WRITING),
        ("NotWritablePrimary", WRITING),
        # S3
        (f"{HOST} refused the connection, or cannot be reached (NewConnectionError).", REFUSED),
        (f"{HOST} closed the connection (ProtocolError).", REFUSED),
        (f"{HOST} did not answer in time (ReadTimeoutError).", ANSWERS),
        (f"{HOST} did not take the connection in time (ConnectTimeoutError).", ANSWERS),
        ("The secret of the access key is not accepted: check the keys (SignatureDoesNotMatch).", KEYS),
        ("No credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (NoCredentialsError).", KEYS),
        ("The bucket talk does not exist: check S3_BUCKET_NAME (NoSuchBucket).", MISSING),
        ("Access to the bucket talk is denied: allow s3:GetObject (AccessDenied).", WRITING),
        # SQLite, which replaces the databases in tests
        ("attempt to write a readonly database", WRITING),
        (f"something else about {HOST}, {SECRET}", "it fails"),
        ("", "it fails"),
    ],
)
def test_the_cause_is_in_words_that_anybody_may_read(backend: Backend, said: str, cause: str) -> None:
    backend.fail(OSError(said))
    assert backend.breaker.cause == cause


def test_a_cause_names_neither_host_nor_secret(backend: Backend) -> None:
    backend.fail(OSError(f"cannot connect to {HOST} as admin:{SECRET}"))
    assert HOST not in backend.breaker.cause
    assert SECRET not in backend.breaker.cause


def test_the_reason_is_the_first_line_of_what_was_said(backend: Backend) -> None:
    backend.fail(OperationalError("  it is\tgone\nIs the server running?"))
    assert backend.breaker.reason == "it is gone."


def test_an_error_without_words_is_told_by_what_caused_it(backend: Backend) -> None:
    error = InterfaceError()
    error.__cause__ = OSError("the wire was cut")
    backend.breaker.trip(error)
    assert backend.breaker.reason == "the wire was cut."


def test_or_else_by_its_name(backend: Backend) -> None:
    backend.breaker.trip(InterfaceError())
    assert backend.breaker.reason == "InterfaceError."


def test_what_is_down_is_told_with_its_cause(settings) -> None:
    settings.CLOUD_DATABASE = "cloud"
    assert cloud.down() == {}
    replaced = threading.Event()

    def probe() -> None:
        if not replaced.is_set():
            raise OperationalError("connection refused")

    cloud.database.probe = probe
    cloud.database.trip(OperationalError("connection refused"))
    try:
        assert cloud.down() == {"database": REFUSED}
    finally:
        replaced.set()


def test_a_request_without_patience_left_tells_what_it_went_without(settings) -> None:
    settings.CLOUD_DATABASE = "cloud"
    with cloud.patience(0):
        with pytest.raises(Unavailable), cloud.database.use():
            pass
        assert cloud.down() == {"database": "it does not answer"}
    assert cloud.down() == {}


def test_a_request_tells_what_failed_it_though_it_is_back(settings) -> None:
    settings.CLOUD_DATABASE = "cloud"
    cloud.database.probe = lambda: None
    with cloud.patience():
        with pytest.raises(Unavailable), cloud.database.use():
            raise OperationalError("connection refused")
        wait_for(lambda: cloud.database.up)
        assert cloud.down() == {"database": REFUSED}
    assert cloud.down() == {}


def test_what_is_off_is_not_down() -> None:
    assert (cloud.down(), cloud.database.on, cloud.bucket.on) == ({}, False, False)
