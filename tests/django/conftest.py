"""The fixtures of the tests' site."""

from __future__ import annotations

from django_site.broken_storage import broken
from django_site.empty_database import empty, empty_postgresql
from django_site.fixtures import counted, site
from django_site.s3 import s3, s3_server
from django_site.sdist import django_tests
from django_site.servers import (
    dead_redis,
    memcached,
    on_postgresql,
    postgresql,
    redis,
    use_cache,
)
from django_site.waiting import clock

__all__ = [
    "broken",
    "clock",
    "counted",
    "dead_redis",
    "django_tests",
    "empty",
    "empty_postgresql",
    "memcached",
    "on_postgresql",
    "postgresql",
    "redis",
    "s3",
    "s3_server",
    "site",
    "use_cache",
]
