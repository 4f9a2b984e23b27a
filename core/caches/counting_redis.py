"""Keep Django's cache in Redis, which several servers share."""

from typing import Any

from django.core.cache.backends.redis import RedisCache

# Seconds. A slow cache must not delay a request for longer.
WITHIN = 0.5


class CountingRedisCache(RedisCache):
    """Add `count` to Django's cache. Raises redis.RedisError."""

    def __init__(self, url: str, params: dict[str, Any]) -> None:
        options = {"socket_connect_timeout": WITHIN, "socket_timeout": WITHIN, **params.get("OPTIONS", {})}
        super().__init__(url, {**params, "OPTIONS": options})

    def count(self, key: str, amount: int, timeout: int) -> int:
        """Add to a counter, which begins at 0 and ends `timeout` seconds after its first call. Return the sum."""
        made = self.make_and_validate_key(key)
        client = self._cache.get_client(made, write=True)  # type: ignore[attr-defined]  # not in the stubs
        pipeline = client.pipeline()
        pipeline.set(made, 0, nx=True, ex=timeout)
        pipeline.incrby(made, amount)
        return int(pipeline.execute()[1])
