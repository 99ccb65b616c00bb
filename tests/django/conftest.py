"""The fixtures of the tests' site."""

from __future__ import annotations

from django_site.fixtures import counted, site
from django_site.s3 import s3, s3_server
from django_site.sdist import django_tests

__all__ = ["counted", "django_tests", "s3", "s3_server", "site"]
