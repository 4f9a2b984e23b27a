"""Go on with a cache in this process while the one that processes share is down."""

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache

from core.caches.counting_redis import CountingRedisCache
from core.caches.sqlite_cache import SQLiteCache

# Seconds until the shared cache is tried again.
AGAIN_AFTER = 5.0
DOWN = (redis.RedisError, sqlite3.Error, OSError)

logger = logging.getLogger(__name__)


class InProcessCache(LocMemCache):
    """Add `count` to Django's cache."""

    def count(self, key: str, amount: int, timeout: int) -> int:
        self.add(key, 0, timeout)
        try:
            return int(self.incr(key, amount))
        except ValueError:
            # It was evicted just now, from a full cache.
            return amount


class CachePair:
    """Hold the shared cache and the one of this process. `trouble` says why the shared one is down, "" while it is up."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        is_redis = location.startswith(("redis://", "rediss://"))
        self.name = "Redis" if is_redis else "the file of counters"
        self.shared = CountingRedisCache(location, params) if is_redis else SQLiteCache(location, params)
        self.own = InProcessCache(f"failover {location}", {})
        self.trouble = ""
        self.again_at = 0.0


# By location. Django makes a FailoverCache for each thread and task, and the connections outlive them.
_stores: dict[str, CachePair] = {}


class FailoverCache(BaseCache):
    """Keep values in Redis or in an SQLite file, as LOCATION says: a redis:// URL or a path.

    While that is down, no call fails: values are kept in this process, and counters begin anew.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.store = _stores.get(location) or _stores.setdefault(location, CachePair(location, params))

    @property
    def trouble(self) -> str:
        """Return why the shared cache cannot be used, "" while it can."""
        return self.store.trouble

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._try(lambda cache: cache.get(key, default, version=version))

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._try(lambda cache: cache.set(key, value, timeout, version=version))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._try(lambda cache: cache.add(key, value, timeout, version=version)))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._try(lambda cache: cache.touch(key, timeout, version=version)))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self._try(lambda cache: cache.delete(key, version=version)))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return int(self._try(lambda cache: cache.incr(key, delta, version=version)))

    def count(self, key: str, amount: int, timeout: int) -> int:
        """Add to a counter that lasts about `timeout` seconds. Return the sum."""
        return int(self._try(lambda cache: cache.count(key, amount, timeout)))

    def clear(self) -> None:
        self.store.own.clear()
        self._try(lambda cache: cache.clear())

    def _try(self, operation: Callable[[Any], Any]) -> Any:
        store = self.store
        if store.trouble and time.monotonic() < store.again_at:
            return operation(store.own)
        # Meanwhile the other threads go on without it.
        store.again_at = time.monotonic() + AGAIN_AFTER
        try:
            result = operation(store.shared)
        except DOWN as error:
            if not store.trouble:
                logger.error("%s cannot be used (%s): this process counts by itself.", store.name, type(error).__name__)
            store.trouble = f"{store.name} cannot be used: {type(error).__name__}"
            return operation(store.own)
        if store.trouble:
            logger.warning("%s can be used again.", store.name)
            store.trouble = ""
            store.own.clear()
        return result
