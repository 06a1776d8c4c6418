"""The cache in Redis, for which a server that is away counts as empty, and costs a page little."""

from time import monotonic
from typing import Any

from django_redis.cache import RedisCache
from redis import ConnectionError, Redis, TimeoutError


class Client(Redis):
    """Asks nothing for some seconds after Redis was away: else each question would wait for it."""

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
        """Delete what the cache has, but not the tasks that are in Redis beside it."""
        self.delete_pattern("*")

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Add a value where there is none, as in an empty cache: locks are had, not waited for."""
        return super().add(*args, **kwargs) is not False
