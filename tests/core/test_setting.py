from __future__ import annotations

import copy
import io
import logging
import pickle
import string
import traceback
from dataclasses import replace

import pytest
from core.settings import KEY, settings
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.configuration import Credentials, find_settings
from rembg_plugins.core.setting import Setting, hide_password, mask_secret


@given(secret=st.text(max_size=80))
def test_a_mask_tells_at_most_the_last_four_characters(secret):
    expected = "****" + secret[-4:] if len(secret) >= 16 else "****"
    assert mask_secret(secret) == expected


@given(secret=st.text(string.ascii_letters + string.digits, min_size=5, max_size=80))
def test_no_five_characters_of_a_secret_are_shown_anywhere(secret):
    found = settings({"REMBG_API_KEY": secret})
    pieces = {secret[at : at + 5] for at in range(len(secret) - 4)}
    # What stands around the key in the repr may by chance hold five letters of it.
    around = repr(settings({"REMBG_API_KEY": "\x7e" * 3})).replace("****", "")
    assert not [piece for piece in pieces if piece in repr(found) and piece not in around]


@pytest.fixture(params=["configuration", "setting", "credentials", "settings"])
def secretive(request):
    """Each kind of object that holds a key."""
    found = settings({"REMBG_API_KEY": KEY})
    return {
        "configuration": found,
        "setting": found.api_key,
        "credentials": Credentials(api_key=KEY, user_token=KEY),
        "settings": find_settings(environ={"REMBG_API_KEY": KEY}),
    }[request.param]


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!s:>20}".format, "%s".__mod__, ascii])
def test_no_text_of_it_shows_the_key(secretive, show):
    text = show((secretive,) if show == "%s".__mod__ else secretive)
    assert KEY not in text
    assert KEY[:-4] not in text
    assert "****WXYZ" in text


def test_no_log_line_shows_the_key(secretive):
    stream = io.StringIO()
    logger = logging.Logger("test")  # noqa: LOG001 - of this test alone
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("using %s and %r", secretive, secretive)
    assert KEY not in stream.getvalue()
    assert "****WXYZ" in stream.getvalue()


def test_no_traceback_with_locals_shows_the_key(secretive):
    try:
        raise ValueError  # noqa: TRY301 - its frame holds the object
    except ValueError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    frame = "".join(line for line in lines if "secretive" in line)
    assert "****WXYZ" in frame
    assert KEY not in frame


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(secretive, protocol):
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secretive, protocol)


def test_without_a_secret_it_is_pickled():
    found = settings({"REMBG_ENGINE": "local"})
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - made on the line itself
    assert copy.deepcopy(found) == found


def test_a_configuration_can_be_changed_by_replace():
    found = settings({"REMBG_API_KEY": KEY})
    changed = replace(found, engine=Setting("api", "argument"))
    assert (changed.engine.value, changed.api_key.value) == ("api", KEY)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("https://me:pw@proxy.example/x", "https://****@proxy.example/x"),
        ("https://me:p@w@proxy.example", "https://****@proxy.example"),
        ("https://proxy.example/a@b", "https://proxy.example/a@b"),
        ("file:/home/me", "file:/home/me"),
    ],
)
def test_a_password_in_a_url_is_not_shown(given_text, shown):
    assert hide_password(given_text) == shown
    assert Setting(given_text, "environment", "url").shown == shown


def test_what_is_not_set_is_said_to_be_so():
    assert settings().api_key.shown == "not set"


def test_the_query_of_a_url_is_not_shown():
    setting = Setting("https://api.example/rmbg?token=s3cret", "environment", "url")
    assert setting.shown == "https://api.example/rmbg?****"
    assert "s3cret" not in repr(setting)
