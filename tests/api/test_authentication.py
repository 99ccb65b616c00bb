from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.api.authentication import (
    Authentication,
    scrub,
    scrub_bytes,
    secrets_of_proxy,
)
from rembg_plugins.core.errors import ConfigurationError


@pytest.mark.parametrize(
    "quoting",
    [
        str, quote, lambda secret: quote(secret, safe=""), html.escape, str.lower, str.upper,
        lambda secret: json.dumps(secret)[1:-1], lambda secret: secret.replace("/", "\\/"),
        lambda secret: "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in secret),
        lambda secret: "".join(f"&#X{ord(c):X};" if not c.isalnum() else c for c in secret),
        lambda secret: "".join(f"\\u{ord(c):04x}" if not c.isalnum() else c for c in secret),
    ],
)  # fmt: skip
def test_a_secret_is_masked_however_it_is_quoted(quoting):
    secret = "Ab3/+=\"'<&>.$^\\x"
    assert scrub(f"a {quoting(secret)} b", [secret]) == "a *** b"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4))
def test_any_key_is_masked(secret):
    for text in (secret, quote_plus(secret), html.escape(secret), json.dumps(secret)[1:-1]):
        assert scrub(f"<{text}>", [secret]) == "<***>"
    assert scrub_bytes(b"\xff" + secret.encode() + b"\x00", [secret]) == b"\xff***\x00"


@pytest.mark.parametrize("odd", [5, 0, True, b"s3cret-key", ["s3cret-key"]], ids=repr)
@pytest.mark.parametrize(("name", "said"), [("api_key", "API key"), ("user_token", "user token")])
def test_what_is_no_text_is_refused_unseen(name, said, odd):
    kind = type(odd).__name__
    with pytest.raises(ConfigurationError) as caught:
        Authentication(**{name: odd})
    assert str(caught.value) == f"The {said} must be text, not of type {kind}."


def test_a_secret_within_another_leaves_nothing_of_the_longer():
    assert scrub("x abcdef y", ["abcd", "abcdef"]) == "x *** y"


def test_what_is_too_short_for_a_secret_does_not_garble_texts():
    assert scrub("invalid api key", ["key", "", "a"]) == "invalid api key"


@pytest.mark.parametrize(
    ("proxy", "secrets"),
    [
        ("http://proxy.example:3128", ()),
        ("http://me@proxy.example", ()),
        ("", ()),
        ("http://me:pass@h:1", ("pass", "pass", "bWU6cGFzcw==")),
        ("me:pass@h:1", ("pass", "pass", "bWU6cGFzcw==")),
        ("http://me:p%40ss@h", ("p%40ss", "p@ss", base64.b64encode(b"me:p@ss").decode())),
        ("http://me:p@ss@h", ("p@ss", "p@ss", base64.b64encode(b"me:p@ss").decode())),
    ],
)
def test_the_secrets_in_the_url_of_a_proxy(proxy, secrets):
    assert secrets_of_proxy(proxy) == secrets


def test_neither_is_the_anonymous_tier():
    assert Authentication().anonymous
    assert Authentication().headers() == {}
    assert repr(Authentication(user_token="tok")) == "Authentication(user_token='***')"  # noqa: S106 - no real one
