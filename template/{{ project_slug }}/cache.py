"""The cache in Redis. An unreachable Redis counts as a cache miss, quickly."""

from time import monotonic
from typing import Any

from django_redis.cache import RedisCache
from redis import ConnectionError, Redis, TimeoutError


class Client(Redis):
    """After a failure, asks Redis nothing for five seconds: each command would wait for its timeout."""

    away_until = 0.0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if monotonic() < Client.away_until:
            raise ConnectionError("Redis was away a moment ago.")
        try:
            return super().execute_command(*args, **options)
        except (ConnectionError, TimeoutError):
            Client.away_until = monotonic() + 5
            raise


class Cache(RedisCache):
    def clear(self) -> None:
        """Delete what the cache holds, but not Celery's tasks in the same Redis."""
        self.delete_pattern("*")

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Add a value where there is none. When Redis is down, report success: callers may hold a lock."""
        return super().add(*args, **kwargs) is not False
