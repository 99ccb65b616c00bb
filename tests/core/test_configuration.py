from __future__ import annotations

import copy
import io
import json
import logging
import os
import pickle
import string
import traceback
from dataclasses import fields, replace
from pathlib import Path

import pluggy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core import hookspecs
from rembg_plugins.core.configuration import (
    Configuration,
    Credentials,
    Setting,
    configure,
    find_settings,
    mask_secret,
)
from rembg_plugins.core.errors import ConfigurationError, ConflictingCredentialsError
from rembg_plugins.core.setting import SETTINGS, hide_password

ROWS = json.loads((Path(__file__).parents[1] / "contract" / "errors.json").read_text())["rows"]
KEY = "sk-0123456789abcdefWXYZ"
OTHER_KEY = "sk-9876543210fedcbaQRST"
URL = "https://proxy.example/rmbg"

# Three good values for each setting, to tell three places apart.
VALUES = {
    "api_key": ("key-a", "key-b", "key-c"),
    "user_token": ("token-a", "token-b", "token-c"),
    "api_url": ("https://a.example", "https://b.example", "https://c.example"),
    "usage_url": ("https://a.example/u", "https://b.example/u", "https://c.example/u"),
    "engine": ("local", "api", "rembg:u2net"),
    "store": ("memory:", "file:/b", "file:/c"),
    "connect_timeout_s": ("1", "2", "3"),
    "read_timeout_s": ("4.5", "5.5", "6.5"),
}


@pytest.fixture
def dotenv(tmp_path):
    """Writes a .env file and gives its path."""

    def write(text="", **variables):
        path = tmp_path / ".env"
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        path.write_text(text + "".join(lines), encoding="utf-8")
        return path

    return write


def settings(environ=None, dotenv=None, **others):
    return configure(environ=environ or {}, dotenv=dotenv, **others)


def plugin(**given):
    """A source of credentials that notes whom it was asked for."""

    def source(*, profile):
        source.asked.append(profile)
        return Credentials(**given) if given else None

    source.asked = []
    return source


def test_every_setting_is_a_field_and_has_a_variable_of_its_own():
    assert [field.name for field in fields(Configuration)] == list(SETTINGS) == list(VALUES)
    assert len({info.variable for info in SETTINGS.values()}) == len(SETTINGS)


def test_nothing_set_gives_the_defaults():
    found = settings()
    assert {setting.origin for setting in vars_of(found).values()} == {"default"}
    assert found.api_url.value == "https://api.rembg.com/rmbg"
    assert found.api_key.value is None
    assert (found.connect_timeout_s.value, found.read_timeout_s.value) == (10, 120)


def vars_of(configuration):
    return {field.name: getattr(configuration, field.name) for field in fields(configuration)}


@pytest.mark.parametrize("name", VALUES)
def test_arguments_win_over_the_environment_and_that_over_dotenv(name, dotenv):
    first, second, third = VALUES[name]
    variable = SETTINGS[name].variable
    path = dotenv(**{variable: third})
    environ = {variable: second}
    typed = float if name.endswith("_s") else str

    def found(**places):
        setting = getattr(settings(**places), name)
        return setting.value, setting.origin

    assert found(dotenv=path) == (typed(third), str(path))
    assert found(dotenv=path, environ=environ) == (typed(second), "environment")
    argument = {name: typed(first)}
    assert found(dotenv=path, environ=environ, **argument) == (typed(first), "argument")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"], ids=repr)
@pytest.mark.parametrize("name", VALUES)
def test_empty_text_counts_as_not_set(name, empty, dotenv):
    variable = SETTINGS[name].variable
    path = dotenv(**{variable: VALUES[name][0]})
    setting = getattr(settings(environ={variable: empty}, dotenv=path, **{name: empty}), name)
    assert setting.origin == str(path)


def test_a_name_alone_in_dotenv_is_not_set(dotenv):
    assert settings(dotenv=dotenv("REMBG_API_KEY\n")).api_key.value is None


def test_blanks_around_a_value_are_no_part_of_it():
    assert settings({"REMBG_API_KEY": f" {KEY}\n"}).api_key.value == KEY


def test_the_environment_of_the_process_is_read_when_asked(monkeypatch):
    monkeypatch.setenv("REMBG_STORE", "memory:")
    assert configure().store == Setting("memory:", "environment")
    monkeypatch.delenv("REMBG_STORE")
    assert configure().store.origin == "default"


def test_equal_settings_have_equal_hashes_and_others_do_not():
    one, two = (settings({"REMBG_API_KEY": KEY}) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != settings({"REMBG_API_KEY": OTHER_KEY})
    assert one != settings(api_key=KEY)  # the origin counts: doctor prints it


def test_an_unknown_setting_is_a_mistake_of_the_programmer():
    with pytest.raises(TypeError, match="colour"):
        configure(colour="red")


# --- .env -----------------------------------------------------------------------------------


def test_dotenv_is_only_read_when_named(tmp_path, monkeypatch, dotenv):
    dotenv(REMBG_API_KEY=KEY)
    monkeypatch.chdir(tmp_path)
    assert settings().api_key.value is None
    found = settings(dotenv=Path(".env")).api_key
    assert (found.value, found.origin) == (KEY, str(tmp_path / ".env"))


def test_dotenv_leaves_the_environment_alone(dotenv):
    before = dict(os.environ)
    settings(dotenv=dotenv(REMBG_API_KEY=KEY, HTTPS_PROXY="http://evil.example"))
    assert dict(os.environ) == before


def test_dotenv_does_not_read_the_environment_into_a_value(dotenv, monkeypatch):
    monkeypatch.setenv("SECRET_OF_MINE", "hunter2")
    path = dotenv(REMBG_API_URL="https://evil.example/${SECRET_OF_MINE}")
    assert "hunter2" not in str(settings(dotenv=path).api_url.value)


def test_the_usual_spellings_of_dotenv_are_understood(dotenv):
    text = f"\ufeffexport REMBG_API_KEY='{KEY}' # comment\n# mine\nREMBG_ENGINE = \"api\"\n"
    found = settings(dotenv=dotenv(text))
    assert (found.api_key.value, found.engine.value) == (KEY, "api")


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_no_dotenv_file_is_no_mistake(kind, tmp_path):
    path = tmp_path / ".env"
    if kind == "folder":  # as some name their virtual environment
        path.mkdir()
    assert settings(dotenv=path).api_key.origin == "default"


@pytest.mark.parametrize("content", [b"\xff\xfeR\x00E\x00", b"REMBG_API_KEY=\xe9"], ids=repr)
def test_a_dotenv_that_is_no_text_is_named(content, tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
        settings(dotenv=path)
    assert str(path) in str(caught.value)


def test_a_malformed_line_of_dotenv_is_left_out_with_a_message(dotenv, caplog):
    path = dotenv(f"REMBG_STORE='never closed\nREMBG_API_KEY={KEY}\n")
    found = settings(dotenv=path)
    assert found.api_key.value == KEY
    assert found.store.value is None
    assert "line 1" in caplog.text


@given(content=st.binary(max_size=200))
def test_no_bytes_in_dotenv_make_a_crash(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_bytes(content)
    try:
        settings(dotenv=path)
    except ConfigurationError as error:
        assert str(path) in str(error) or "REMBG_" in str(error)


# --- a key goes only where it belongs -------------------------------------------------------


@pytest.mark.parametrize("secret", ["api_key", "user_token"])
@pytest.mark.parametrize("url", ["api_url", "usage_url"])
@pytest.mark.parametrize("key_place", ["argument", "environment", "dotenv", "plugin"])
@pytest.mark.parametrize("url_place", ["argument", "environment", "dotenv", "plugin"])
def test_a_key_and_its_url_come_from_one_place(key_place, url_place, secret, url, dotenv):
    given = {"argument": {}, "environment": {}, "dotenv": {}, "plugin": {}}
    given[url_place][url] = "https://evil.example/take"
    given[key_place][secret] = KEY

    def variables(place):
        return {SETTINGS[name].variable: value for name, value in given[place].items()}

    def found():
        return settings(
            environ=variables("environment"),
            dotenv=dotenv(**variables("dotenv")),
            credentials=plugin(**given["plugin"]),
            **given["argument"],
        )

    if key_place == url_place:
        assert getattr(found(), secret).value == KEY
    elif url_place == "plugin":  # not asked: there is a key, and the URL is the API's own
        assert getattr(found(), url).origin == "default"
    else:
        with pytest.raises(ConfigurationError, match=r"evil\.example") as caught:
            found()
        assert KEY not in str(caught.value)
        assert not isinstance(caught.value, ConflictingCredentialsError)


def test_a_dotenv_in_a_strangers_folder_gets_no_key_of_mine(dotenv):
    path = dotenv(REMBG_API_URL="https://evil.example/rmbg")
    with pytest.raises(ConfigurationError) as caught:
        settings({"REMBG_API_KEY": KEY}, path)
    assert str(caught.value) == (
        "REMBG_API_KEY (from environment) would be sent to https://evil.example/rmbg, which is "
        f"REMBG_API_URL (from {path}). A key is only sent to a URL that was set in the same "
        "place: set both there, or remove one of them."
    )


def test_a_url_without_any_key_may_come_from_anywhere(dotenv):
    assert settings(dotenv=dotenv(REMBG_API_URL=URL)).api_url.value == URL


def test_the_apis_own_url_goes_with_any_key(dotenv):
    path = dotenv(REMBG_API_URL="https://api.rembg.com/rmbg")
    assert settings({"REMBG_API_KEY": KEY}, path).api_url.origin == str(path)


# --- keys, tokens, profiles -----------------------------------------------------------------


@pytest.mark.parametrize("key_place", [0, 1, 2])
@pytest.mark.parametrize("token_place", [0, 1, 2])
def test_a_key_and_a_token_are_refused_with_the_documented_text(key_place, token_place, dotenv):
    given = [{}, {}, {}]
    given[key_place]["REMBG_API_KEY"] = KEY
    given[token_place]["REMBG_USER_TOKEN"] = OTHER_KEY
    names = {info.variable: name for name, info in SETTINGS.items()}
    arguments = {names[variable]: value for variable, value in given[0].items()}
    with pytest.raises(ConflictingCredentialsError) as caught:
        settings(given[1], dotenv(**given[2]), **arguments)
    (row,) = (row for row in ROWS if row["scenario"].startswith("Both API key"))
    assert str(caught.value) == row["message"]
    assert (caught.value.sent, caught.value.billed) == ("nothing", False)


@pytest.mark.parametrize(
    "key",
    [
        "two words",
        "line\nbreak",
        "nul\0",
        "bell\x07",
        "nbsp\xa0",
        "schl\xfcssel",
        "\u201cquoted\u201d",
        "\udc80",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("variable", ["REMBG_API_KEY", "REMBG_USER_TOKEN"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(variable, key):
    with pytest.raises(ConfigurationError, match=variable) as caught:
        settings({variable: f"abc{key}xyz"})
    assert "abc" not in str(caught.value)
    assert "xyz" not in str(caught.value)


def test_a_plugin_is_asked_where_nobody_else_has_a_key():
    source = plugin(api_key=KEY, api_url=URL)
    found = settings(credentials=source)
    assert source.asked == [None]
    assert (found.api_key.value, found.api_key.origin) == (KEY, "plugin")
    assert (found.api_url.value, found.api_url.origin) == (URL, "plugin")


@pytest.mark.parametrize("variable", ["REMBG_API_KEY", "REMBG_USER_TOKEN"])
def test_no_plugin_is_asked_where_a_key_is_set(variable):
    source = plugin(api_key=OTHER_KEY)
    settings({variable: KEY}, credentials=source)
    assert source.asked == []


def test_a_plugin_without_an_answer_leaves_the_defaults():
    assert settings(credentials=plugin()).api_key.origin == "default"


def test_a_profile_is_used_in_place_of_the_keys_of_the_environment(dotenv):
    source = plugin(api_key=KEY)
    environ = {"REMBG_API_KEY": OTHER_KEY, "REMBG_USER_TOKEN": OTHER_KEY, "REMBG_ENGINE": "api"}
    found = settings(
        environ, dotenv(REMBG_USER_TOKEN=OTHER_KEY), credentials=source, profile="work"
    )
    assert source.asked == ["work"]
    assert (found.api_key.value, found.user_token.value) == (KEY, None)
    assert found.engine.origin == "environment"


@pytest.mark.parametrize("source", [None, plugin()], ids=["no plugin", "plugin without it"])
def test_an_unknown_profile_is_refused(source):
    with pytest.raises(ConfigurationError, match="'work'"):
        settings({"REMBG_API_KEY": KEY}, credentials=source, profile="work")


def test_a_plugin_that_fails_does_not_tell_what_it_read():
    def source(*, profile):
        raise ValueError(KEY)

    with pytest.raises(ConfigurationError, match="ValueError") as caught:
        settings(credentials=source)
    assert KEY not in str(caught.value)


def test_a_plugins_own_error_comes_out_as_it_is():
    def source(*, profile):
        message = "Unlock the vault first."
        raise ConfigurationError(message)

    with pytest.raises(ConfigurationError, match="Unlock the vault first"):
        settings(credentials=source)


def test_a_plugin_that_gives_something_else_is_named():
    with pytest.raises(ConfigurationError, match="str") as caught:
        settings(credentials=lambda *, profile: KEY)
    assert KEY not in str(caught.value)


def test_the_hook_is_a_source_of_credentials():
    class Vault:
        @hookspecs.hookimpl
        def rembg_get_credentials(self, profile):
            return Credentials(api_key=KEY) if profile == "work" else None

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(Vault())
    ask = manager.hook.rembg_get_credentials
    assert settings(credentials=ask, profile="work").api_key.value == KEY
    assert settings(credentials=ask).api_key.value is None


# --- numbers --------------------------------------------------------------------------------

BAD_SECONDS = ["0", "-1", "abc", "nan", "inf", "1_0", "86401", "1e999", "10 s"]


@pytest.mark.parametrize("name", ["connect_timeout_s", "read_timeout_s"])
@pytest.mark.parametrize("bad", BAD_SECONDS)
def test_a_bad_number_is_named_with_its_value_and_a_remedy(name, bad):
    variable = SETTINGS[name].variable
    with pytest.raises(ConfigurationError) as caught:
        settings({variable: bad})
    text = str(caught.value)
    assert f"{variable} (from environment) is '{bad}'" in text
    assert f"as in {variable}={SETTINGS[name].default:.0f}" in text


@pytest.mark.parametrize("bad", [True, 0, -2.5, float("nan"), [1], 10**400], ids=str)
def test_a_bad_number_among_the_arguments_is_refused(bad):
    with pytest.raises(ConfigurationError, match="read_timeout_s"):
        settings(read_timeout_s=bad)


@given(seconds=st.floats(0, 86_400, exclude_min=True))
def test_good_seconds_are_read_exactly(seconds):
    found = settings({"REMBG_READ_TIMEOUT": repr(seconds)}, read_timeout_s=None)
    assert found.read_timeout_s.value == seconds


# --- no secret is shown ---------------------------------------------------------------------


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
