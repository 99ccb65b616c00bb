"""What a note says of an error, and of the calls; the fields are told in ``notes``."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.outcomes import OUTCOMES, outcome
from rembg_plugins.watch.reading import NEEDS_TRANSCODE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rembg_plugins.watch.content import Content

_REMEDY = "Put a whole picture under this name, or run `rembg-plugins ledger retry INBOX`."


def remedy_of(code: str, error: BaseException | None) -> str:
    """What a person can do about it, one sentence."""
    if code == NEEDS_TRANSCODE:
        return "Start the watcher with --transcode, or put another picture under this name."
    if error is not None:
        return outcome(error).remedy
    return next((row.remedy for row in OUTCOMES.values() if row.form_code == code), _REMEDY)


def error_facts(error: BaseException | None) -> dict[str, object]:
    """Class and single problems of an error, if it is known."""
    if error is None:
        return {}
    errors = error.errors if isinstance(error, RembgError) else ()
    return {
        "class": type(error).__name__,
        "errors": [
            {"field": one.field, "message": one.message, "code": one.code} for one in errors
        ],
    }


def content_facts(content: Content | None, kept: Path | None) -> dict[str, object]:
    """What is known of some bytes and of the calls for them."""
    if content is None:
        return {}
    return {
        "sha256": content.sha256.hex(),
        "status": content.status,
        "calls": content.sends,
        "attempts": content.attempts,
        "billed": content.billed,
        "in_doubt": content.in_doubt,
        "first_seen": iso(content.first_seen),
        "tried": [{"at": iso(at), "how": how} for at, how in content.tried],
        "kept": None if kept is None else os.fspath(kept),
    }


def iso(at: float) -> str:
    """A UNIX time as ISO 8601, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def encoded(facts: Mapping[str, object]) -> bytes:
    """The note's bytes: JSON for people to read as well."""
    return json.dumps(facts, indent=2).encode() + b"\n"
