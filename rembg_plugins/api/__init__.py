"""The hosted RemBG API: one client, and the mapping of its errors to ours."""

from __future__ import annotations
