"""JSON from strangers."""

from __future__ import annotations

import json

_MOST_BRACKETS = 200  # ours have few; deep nesting would use the stack up


def read_json(text: bytes) -> object:
    """The value that a JSON text stands for.

    Raises:
        ValueError: It is no JSON, or has far more brackets than any answer of the API's.
    """
    if text.count(b"[") + text.count(b"{") > _MOST_BRACKETS:
        message = "too many brackets"
        raise ValueError(message)
    value: object = json.loads(text)
    return value
