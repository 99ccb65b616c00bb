from __future__ import annotations

import pytest

from rembg_plugins.api.json_text import read_json


def test_what_the_api_answers_is_read():
    assert read_json(b'{"details": [{"field": "w"}]}') == {"details": [{"field": "w"}]}


@pytest.mark.parametrize(
    "text", [b"", b"no", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"[" * 200]
)
def test_anything_else_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
