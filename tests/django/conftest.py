"""The fixtures of the tests' site."""

from __future__ import annotations

from django_site.broken_storage import broken
from django_site.fixtures import counted, site
from django_site.object_store import in_object_store, object_store
from django_site.servers import dead_redis, on_postgresql, postgresql, redis, use_cache
from django_site.waiting import clock

__all__ = [
    "broken",
    "clock",
    "counted",
    "dead_redis",
    "in_object_store",
    "object_store",
    "on_postgresql",
    "postgresql",
    "redis",
    "site",
    "use_cache",
]
