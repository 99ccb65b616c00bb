from __future__ import annotations

import json
from pathlib import Path

import pluggy
import pytest
from core.settings import KEY, OTHER_KEY, plugin, settings

from rembg_plugins.core import hookspecs
from rembg_plugins.core.configuration import Credentials
from rembg_plugins.core.errors import ConfigurationError, ConflictingCredentialsError
from rembg_plugins.core.setting import SETTINGS

ROWS = json.loads((Path(__file__).parents[1] / "contract" / "errors.json").read_text())["rows"]
URL = "https://proxy.example/rmbg"

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
