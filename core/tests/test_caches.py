"""The cache survives a restart, counts atomically, and goes on while its store is down."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.caches import failover
from core.caches.failover import FailoverCache
from core.caches.sqlite_cache import SQLiteCache
from tests.servers import RedisServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "counters.sqlite3"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if not RedisServer.available():
        pytest.skip("redis-server is not installed.")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["file", "redis"])
def cache(request: pytest.FixtureRequest) -> FailoverCache:
    place = request.getfixturevalue(request.param)
    found = FailoverCache(place.url if request.param == "redis" else str(place), {})
    found.clear()
    return found


class TestValues:
    def test_any_value_is_kept(self, cache: FailoverCache) -> None:
        for value in (0, -3, True, "text", (1, 2.5), {"a": [None]}, b"\x00"):
            cache.set("key", value)
            assert cache.get("key") == value
            assert type(cache.get("key")) is type(value)
        assert cache.delete("key")
        assert not cache.delete("key")
        assert cache.get("key", "none") == "none"

    def test_a_value_ends(self, cache: FailoverCache) -> None:
        cache.set("key", "text", 1)
        assert not cache.add("key", "other", 1)
        cache.touch("key", 60)
        cache.set("short", 1, 1)
        time.sleep(1.1)
        assert (cache.get("key"), cache.get("short")) == ("text", None)
        assert cache.add("short", 2, 60)
        with pytest.raises(ValueError, match="not found"):
            cache.incr("none")

    def test_counters(self, cache: FailoverCache) -> None:
        assert [cache.count("key", 2, 60), cache.count("key", -1, 60), cache.incr("key", 5)] == [2, 1, 6]
        assert cache.get("key") == 6

    def test_a_counter_begins_anew(self, cache: FailoverCache) -> None:
        cache.count("key", 5, 1)
        time.sleep(1.1)
        assert cache.count("key", 1, 60) == 1

    def test_threads_lose_no_count(self, cache: FailoverCache) -> None:
        def count() -> None:
            for _ in range(50):
                cache.count("key", 1, 60)

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.get("key") == 400


class TestTheFile:
    def test_a_restart_forgets_nothing(self, file: Path) -> None:
        SQLiteCache(str(file), {}).count("key", 5, 60)
        assert SQLiteCache(str(file), {}).count("key", 1, 60) == 6

    def test_it_does_not_grow_without_end(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("core.caches.sqlite_cache.PRUNE_EVERY", 10)
        cache = SQLiteCache(str(file), {"OPTIONS": {"MAX_ENTRIES": 20}})
        for number in range(200):
            cache.set(f"ended-{number}", 1, -1)
            cache.set(f"kept-{number}", 1, 60 + number)
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT count(*) FROM entries").fetchone()[0] < 40
        assert cache.get("kept-199") == 1


def test_threads_and_tasks_share_the_connections_and_the_state(file: Path) -> None:
    first, second = FailoverCache(str(file), {}), FailoverCache(str(file), {})
    assert first.store is second.store


class TestAnOutage:
    def test_a_broken_file(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        file.write_bytes(b"not a database" * 1000)
        cache = FailoverCache(str(file), {})
        assert [cache.count("key", 1, 60) for _ in range(3)] == [1, 2, 3]
        cache.set("other", "text")
        assert cache.get("other") == "text"
        assert len(caplog.records) == 1
        assert cache.trouble == "the file of counters cannot be used: DatabaseError"

    def test_redis_stops_and_comes_back(
        self, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache = FailoverCache(redis.url, {})
        cache.clear()
        assert cache.count("key", 5, 60) == 5
        redis.kill()
        assert [cache.count("key", 1, 60) for _ in range(3)] == [1, 2, 3]
        assert cache.trouble.startswith("Redis cannot be used")
        # The address may hold a password.
        assert redis.url not in caplog.text + cache.trouble
        redis.start()
        monkeypatch.setattr(failover, "AGAIN_AFTER", 0.0)
        cache.store.again_at = 0.0
        assert cache.count("key", 1, 60) == 1
        assert cache.trouble == ""
        assert len(caplog.records) == 2

    def test_a_redis_that_hangs_delays_one_call_only(self, redis: RedisServer) -> None:
        cache = FailoverCache(redis.url, {})
        redis.freeze()
        try:
            began = time.monotonic()
            for _ in range(5):
                cache.count("key", 1, 60)
            assert time.monotonic() - began < 3
        finally:
            redis.thaw()
