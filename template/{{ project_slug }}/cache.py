"""The cache in Redis. An unreachable Redis counts as a cache miss, quickly."""

from time import monotonic
from typing import Any

from django_redis.cache import RedisCache
from redis import ConnectionError, Redis, TimeoutError


class Client(Redis):
    """Sends Redis no command for five seconds after a failure: each would wait for its timeout."""

    away_until = 0.0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if monotonic() < Client.away_until:
            raise ConnectionError("Redis failed less than five seconds ago.")
        try:
            return super().execute_command(*args, **options)
        except (ConnectionError, TimeoutError):
            Client.away_until = monotonic() + 5
            raise


class Cache(RedisCache):
    def clear(self) -> None:
        """Delete all keys of the cache, but not Celery's tasks in the same Redis."""
        self.delete_pattern("*")

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Add a value if the key is new. Report success when Redis is down: locks must not block."""
        return super().add(*args, **kwargs) is not False
