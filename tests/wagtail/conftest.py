"""The fixtures of the tests' site."""

from __future__ import annotations

from django_site.fixtures import counted, site

__all__ = ["counted", "site"]
