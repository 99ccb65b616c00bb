from __future__ import annotations

from pathlib import Path

import pytest

from rembg_plugins.core.options import OPTIONS
from rembg_plugins.core.paid_calls import JOBS
from rembg_plugins.watch.settings import (
    DEFAULTS,
    SETTINGS,
    WatchSettings,
    flag_of,
    variable_of,
)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_example_of_a_setting_is_a_good_value_by_every_way(name):
    info = SETTINGS[name]
    value = info.read(info.example)
    assert value is not None
    assert info.read(value if not isinstance(value, tuple) else list(value)) == value


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_is_a_good_value_itself(name):
    default = DEFAULTS[name]
    if default is not None:
        assert SETTINGS[name].read(default) == default


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_without_a_value_says_what_happens_then(name):
    info = SETTINGS[name]
    assert info.help.endswith(".")
    if DEFAULTS[name] in {None, ()}:
        assert info.shown_default


def test_no_setting_has_the_name_of_a_removal_option():
    assert not SETTINGS.keys() & OPTIONS.keys()


def test_the_spellings_of_a_setting_are_made_of_its_name():
    assert flag_of("keep_cutouts") == "--keep-cutouts"
    assert variable_of("keep_cutouts") == "REMBG_WATCH_KEEP_CUTOUTS"


def test_only_paid_pictures_are_sent_several_at_once_by_themselves():
    settings = WatchSettings(folders=None)
    assert settings.workers(is_paid=True) == JOBS
    assert settings.workers(is_paid=False) == 1
    assert WatchSettings(folders=None, jobs=7).workers(is_paid=False) == 7


def test_gigabytes_are_told_in_bytes():
    assert WatchSettings(folders=None, keep_cutouts=0.5).room == 500_000_000
    assert WatchSettings(folders=None).room == 10**10


def test_the_documented_defaults_are_those_in_force():
    settings = WatchSettings(folders=None)
    assert settings.name == "{dir}/{stem}.{ext}"
    assert (settings.originals, settings.in_doubt, settings.recursive) == (
        "keep",
        "retry-once",
        True,
    )
    assert not any((settings.once, settings.yes, settings.json, settings.accept_downscaled))
    assert SETTINGS["state"].read("/a") == Path("/a")
