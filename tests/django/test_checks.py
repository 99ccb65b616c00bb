from __future__ import annotations

import socket
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from django.conf import global_settings
from django.core import checks
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from django_tasks.backends.immediate import ImmediateBackend

from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import default_manager
from rembg_plugins.django.checks import TAG
from rembg_plugins.django.findings import FINDINGS

FILES = "django.core.files.storage.FileSystemStorage"
KEY = "0123456789abcdef-of-tests"


@pytest.fixture(autouse=True)
def _own_site(site):
    """No mistake but the test's own."""


def found():
    """What is wrong, by id."""
    messages = {}
    for message in checks.run_checks(tags=[TAG]):
        messages.setdefault(message.id, []).append(message)
    return messages


def only():
    """The one message there is."""
    ((message,),) = found().values()
    return message


def store(settings, backend=FILES, **options):
    settings.STORAGES = {
        **settings.STORAGES,
        "rembg": {"BACKEND": backend, "OPTIONS": options},
    }


def test_a_site_that_is_set_up_well_hears_nothing():
    assert found() == {}


def test_every_kind_has_an_id_a_meaning_and_a_hint_of_its_own():
    assert len({kind.id for kind in FINDINGS}) == len(FINDINGS) >= 23
    assert len({kind.hint for kind in FINDINGS}) == len({kind.meaning for kind in FINDINGS})
    assert len({kind.hint for kind in FINDINGS}) == len(FINDINGS)


@pytest.mark.django_db  # checks of other apps look into it
def test_manage_py_check_fails_for_an_error(settings):
    settings.REMBG = {"ENGIN": "local"}
    with pytest.raises(SystemCheckError, match=r"rembg.E002.*Did you mean 'ENGINE'"):
        call_command("check")


def test_no_mapping(settings):
    settings.REMBG = KEY
    message = found()["rembg.E001"][0]
    assert KEY not in str(message)


def test_an_unknown_key_is_told_with_all_keys(site):
    site(COLOUR="red")
    message = only()
    assert message.id == "rembg.E002"
    assert "Keys: ENGINE, API_KEY" in message.hint


def test_bad_values_are_told_with_an_example_each(site):
    site(BUDGET=5, DEFER="yes")
    budget, defer = found()["rembg.E003"]
    assert '{\'BUDGET\': {"hour": 50, "day": 200}}' in budget.hint
    assert "{'DEFER': True}" in defer.hint


def test_one_mistake_hides_no_other(site, settings):
    site(BUDGET=5, STORE="nowhere", ENGINE="imaginary", LOCK_CACHE="nowhere", DEFER=True)
    assert found().keys() == {
        "rembg.E003",
        "rembg.E006",
        "rembg.E010",
        "rembg.E020",
        "rembg.W006",
    }


def test_a_key_in_the_settings_is_told_and_not_shown(site):
    site(API_KEY=KEY)
    message = only()
    assert message.id == "rembg.E004"
    assert KEY not in str(message)


@pytest.mark.parametrize("name", ["REMBG_API_KEY", "REMBG_USER_TOKEN"])
def test_a_key_as_a_setting_of_its_own_is_told_and_not_shown(settings, name):
    setattr(settings, name, KEY)
    message = only()
    assert message.id == "rembg.W010"
    assert f"The setting {name} is not read" in message.msg
    assert "in the environment" in message.hint
    assert KEY not in str(message)


def test_any_other_setting_of_that_kind_is_told(settings):
    settings.REMBG_BUDGET = {"hour": 1}
    message = only()
    assert (message.id, "REMBG_BUDGET" in message.msg) == ("rembg.W010", True)


def test_a_setting_of_the_site_s_own_is_not_told(settings, site):
    settings.REMBG_SHOP = {"hour": 1}
    assert found() == {}
    settings.REMBG_API_KEY = KEY
    site(API_KEY=lambda: settings.REMBG_API_KEY)
    assert found() == {}


def test_a_key_and_a_token_at_once(monkeypatch, site):
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    monkeypatch.setenv("REMBG_USER_TOKEN", "token-of-tests")
    message = only()
    assert message.id == "rembg.E005"
    assert KEY not in str(message)


def test_a_key_whose_url_comes_from_another_place(monkeypatch, site):
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    site(API_URL="https://elsewhere.example/rmbg")
    assert only().id == "rembg.E005"
    site(API_KEY=lambda: KEY)
    assert found() == {}


BAD_URLS = [
    "nonsense",
    "http://elsewhere.example/rmbg",
    "ftp://elsewhere.example/rmbg",
    "https://somebody:hunter2@elsewhere.example/rmbg",
    "http://somebody:12/hunter2@elsewhere.example/rmbg",
    "https://elsewhere.example:port/hunter2@",
]


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("engine", ["api", None])
def test_a_url_that_nothing_can_be_sent_to_is_told_without_a_password(site, url, engine):
    site(ENGINE=engine, API_KEY=lambda: KEY, API_URL=url)
    message = only()
    assert message.id == "rembg.E009"
    assert "hunter2" not in str(message)


@pytest.mark.parametrize("url", BAD_URLS)
def test_the_url_of_the_environment_is_checked_as_well(site, monkeypatch, url):
    monkeypatch.setenv("REMBG_API_URL", url)
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    site(ENGINE="api")
    message = only()
    assert message.id == "rembg.E009"
    assert "hunter2" not in str(message)


def test_a_url_that_no_engine_sends_to_is_not_our_business(site, monkeypatch):
    monkeypatch.setenv("REMBG_API_URL", "nonsense")
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")
    site(ENGINE="local")
    assert found() == {}
    site(ENGINE=None)  # without a key it is the embedded one
    assert found() == {}


def test_the_way_to_the_api_is_checked_and_nothing_is_sent(site, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("sent"))
    site(ENGINE="api", API_KEY=lambda: KEY)
    assert found() == {}
    site(API_URL="http://127.0.0.1:9/rmbg")
    assert found() == {}
    site(API_URL=None)
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://somebody:hunter2@proxy")
    message = only()
    assert (message.id, "proxy's URL" in message.msg) == ("rembg.E009", True)
    assert "hunter2" not in str(message)


def test_the_function_that_gives_the_key_is_not_called(site):
    site(ENGINE="api", API_KEY=lambda: pytest.fail("was called"))
    assert found() == {}


def test_an_unknown_engine_is_told_with_all_engines(site):
    site(ENGINE="imaginary:model")
    message = only()
    assert message.id == "rembg.E006"
    assert "Engines: api, local, offline, rembg" in message.hint


def test_the_engine_of_the_environment_is_checked_as_well(settings, monkeypatch):
    settings.REMBG = {}
    monkeypatch.setenv("REMBG_ENGINE", "imaginary")
    assert only().id == "rembg.E006"


@pytest.fixture
def offered(request):
    """Registers a plugin for a test."""
    plugins = []

    def offer(**hooks):
        plugin = type("Plugin", (), {name: staticmethod(hook) for name, hook in hooks.items()})
        default_manager().register(plugin, f"plugin of a test {len(plugins)}")
        plugins.append(plugin)

    yield offer
    for plugin in plugins:
        default_manager().unregister(plugin)


def _not_built(_configuration, _variant):
    pytest.fail("an engine was built")


def test_an_engine_that_cannot_work_here_is_told_and_none_is_built(offered, site):
    @hookimpl
    def register_engines(register):
        register("broken", _not_built, check=lambda: "half of it is not installed")
        register("whole", _not_built)

    offered(rembg_register_engines=register_engines)
    site(ENGINE="broken")
    message = only()
    assert (message.id, "half of it" in message.msg) == ("rembg.E007", True)
    site(ENGINE="whole")
    assert found() == {}


def test_without_key_and_without_embedded_engine_there_is_none(settings, monkeypatch):
    settings.REMBG = {}
    assert found() == {}
    monkeypatch.setattr("rembg_plugins.engines.find_spec", lambda name: None)
    message = only()
    assert message.id == "rembg.E008"
    assert "a setting of that name is not read" in message.hint
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    assert found() == {}


def test_the_api_without_a_key_is_the_anonymous_tier(site, monkeypatch, offered):
    site(ENGINE="api")
    assert only().id == "rembg.W001"
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    assert found() == {}
    monkeypatch.delenv("REMBG_API_KEY")

    @hookimpl
    def get_credentials(profile):
        pytest.fail("was asked")

    offered(rembg_get_credentials=get_credentials)
    assert found() == {}


def test_no_such_store(site):
    site(STORE="nowhere")
    message = only()
    assert (message.id, "there: default, rembg, staticfiles" in message.msg) == (
        "rembg.E010",
        True,
    )


@pytest.mark.parametrize(
    ("backend", "options"),
    [("nowhere.Storage", {}), (FILES, {"colour": "red"}), ("django.db.models.Model", {})],
)
def test_a_store_that_cannot_be_made(settings, backend, options):
    store(settings, backend, **options)
    assert only().id == "rembg.E011"


@pytest.mark.parametrize("alias", ["default", "staticfiles"])
def test_a_store_under_an_alias_of_django_s_own(site, alias):
    site(STORE=alias)
    assert only().id == "rembg.E012"


@pytest.mark.parametrize("below", ["", "below", "below/../below"])
@pytest.mark.parametrize("setting", ["MEDIA_ROOT", "STATIC_ROOT", "STATICFILES_DIRS"])
def test_a_store_in_a_folder_that_is_served(settings, tmp_path, setting, below):
    root = tmp_path / "served"
    served = [("prefix", root)] if setting == "STATICFILES_DIRS" else root
    setattr(settings, setting, served)
    store(settings, location=root / below)
    message = only()
    assert (message.id, setting in message.msg) == ("rembg.E013", True)


def test_a_store_that_is_served_by_way_of_a_link(settings, tmp_path):
    (tmp_path / "media").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "media", target_is_directory=True)
    store(settings, location=tmp_path / "link" / "private")
    assert only().id == "rembg.E013"


def test_a_store_whose_cut_outs_are_the_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "cutouts"
    store(settings, location=tmp_path)
    assert only().id == "rembg.E013"


def test_a_store_without_a_location_is_among_the_media(settings):
    store(settings)
    assert only().id == "rembg.E013"
    settings.MEDIA_ROOT = ""
    assert only().id == "rembg.E013"


def test_a_store_in_a_new_project_that_has_set_no_media(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings.MEDIA_ROOT = ""
    store(settings, location=tmp_path / "cutouts")
    assert found() == {}


def test_a_store_beside_the_media_is_none_of_them(settings, tmp_path):
    store(settings, location=tmp_path / "media-private")
    assert found() == {}


def test_a_store_in_the_default_storage_s_own_folder(settings, tmp_path):
    default = {"BACKEND": FILES, "OPTIONS": {"location": tmp_path / "uploads"}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    store(settings, location=tmp_path / "uploads" / "cut")
    assert only().id == "rembg.E013"


def test_a_default_storage_that_cannot_be_made_is_not_our_business(settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "nowhere.Storage"}}
    assert found() == {}


def test_a_store_with_a_url(settings, tmp_path):
    store(settings, location=tmp_path / "private", base_url="/private/")
    assert only().id == "rembg.W002"


@pytest.mark.parametrize("folders", [None, "/", [()], [("prefix",)], [5, b"/"]], ids=str)
def test_folders_of_static_files_that_are_none_are_not_our_business(settings, folders):
    settings.STATICFILES_DIRS = folders
    assert found() == {}


def test_folders_that_are_no_paths_are_told_by_whoever_uses_them(settings, tmp_path):
    settings.MEDIA_ROOT = 5
    assert found() == {}
    store(settings, location=5)
    assert only().id == "rembg.E011"


@pytest.mark.parametrize("declared", [None, "text", {"BACKEND": FILES, "OPTIONS": None}])
def test_a_store_that_is_declared_as_something_else_is_told(settings, declared):
    settings.STORAGES = {**settings.STORAGES, "rembg": declared}
    assert only().id == "rembg.E011"


def test_a_store_in_memory(settings):
    store(settings, "django.core.files.storage.InMemoryStorage")
    assert only().id == "rembg.W004"


S3 = "storages.backends.s3.S3Storage"


@pytest.mark.parametrize(
    ("options", "id_"),
    [
        ({}, None),
        ({"default_acl": "private"}, None),
        ({"default_acl": "public-read"}, "rembg.E014"),
        ({"default_acl": "authenticated-read"}, "rembg.E014"),
        ({"querystring_auth": False}, "rembg.W003"),
        ({"custom_domain": "cdn.example"}, "rembg.W003"),
    ],
)
def test_a_store_in_s3(settings, options, id_, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked"))
    store(settings, S3, bucket_name="cut-outs", region_name="eu-central-1", **options)
    assert list(found()) == ([] if id_ is None else [id_])


def test_a_public_bucket_by_the_settings_of_django_storages(settings):
    settings.AWS_DEFAULT_ACL = "public-read"
    store(settings, S3, bucket_name="cut-outs")
    assert only().id == "rembg.E014"


def test_no_such_lock_cache(site):
    site(LOCK_CACHE="nowhere")
    assert only().id == "rembg.E020"


def test_a_lock_cache_that_cannot_be_imported(settings):
    settings.CACHES = {**settings.CACHES, "broken": {"BACKEND": "nowhere.Cache"}}
    settings.REMBG = {**settings.REMBG, "LOCK_CACHE": "broken"}
    assert only().id == "rembg.E020"


def test_where_only_lock_files_are_left_several_machines_are_warned_of(site, monkeypatch):
    assert found() == {}  # SQLite: all processes are on one machine
    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql")
    message = only()
    assert message.id == "rembg.W005"
    assert "CACHES['default'] is a LocMemCache" in message.msg
    assert "Lock files are used in its place" in message.msg
    monkeypatch.setattr(
        type(connections["default"]), "vendor", "postgresql"
    )  # which has locks of its own
    assert found() == {}


def made_local(_location, params):
    """A cache by a function, as Django allows it."""
    return LocMemCache("of-a-function", params)


def made_in_redis(location, params):
    return RedisCache(location, params)


def not_made(_location, _params):
    raise RuntimeError("cannot be made here")


@pytest.mark.parametrize(
    ("function", "id_"),
    [(made_local, "rembg.W005"), (made_in_redis, None), (not_made, "rembg.E020")],
)
def test_a_lock_cache_that_a_function_makes_is_looked_at(
    site, settings, monkeypatch, function, id_
):
    backend = f"{__name__}.{function.__name__}"
    by_function = {"BACKEND": backend, "LOCATION": "redis://nowhere.invalid"}
    settings.CACHES = {**settings.CACHES, "locks": by_function}
    site(LOCK_CACHE="locks")
    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql")
    assert list(found()) == ([] if id_ is None else [id_])


@pytest.mark.parametrize("declared", [None, {"LOCATION": "x"}])
def test_a_lock_cache_without_a_class_is_told(site, settings, declared):
    settings.CACHES = {**settings.CACHES, "locks": declared}
    site(LOCK_CACHE="locks")
    assert only().id == "rembg.E020"


def test_a_lock_cache_that_all_processes_share_is_fine(settings, monkeypatch):
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://h"}
    settings.CACHES = {"default": redis}
    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql")
    assert found() == {}


def test_tasks_that_run_at_once_are_no_deferral(site, settings):
    site(DEFER=True)
    message = only()
    assert (message.id, "page wait" in message.msg) == ("rembg.W006", True)
    settings.TASKS = getattr(global_settings, "TASKS", None)  # as where it is not set
    assert only().id == "rembg.W006"
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
    assert "never runs" in only().msg
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
    assert only().id == ("rembg.W006" if find_spec("django.tasks") else "rembg.E022")
    site(ENQUEUE=print)
    assert found() == {}  # a queue of the site's own
    site(ENQUEUE=None)
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    assert found() == {}
    site(DEFER=False)
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    assert found() == {}


@pytest.mark.parametrize("library", ["django.tasks", "django_tasks"])
def test_where_no_backend_is_set_the_one_that_there_is_is_named(
    site, settings, monkeypatch, library
):
    monkeypatch.setattr(
        "rembg_plugins.django.task_backends.find_spec",
        lambda name: "found" if name == library else None,
    )
    site(DEFER=True)
    del settings.TASKS
    assert f"{library}.backends.immediate.ImmediateBackend makes" in only().msg


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ({}, "there: none"),
        ("text", "there: none"),
        ({"other": {"BACKEND": "django_tasks_db.DatabaseBackend"}}, "there: other"),
        ({"default": {}}, "cannot be made: no BACKEND."),
        ({"default": None}, "cannot be made: no BACKEND."),
        ({"default": {"BACKEND": "nowhere.Backend"}}, "there is no 'nowhere.Backend'"),
        ({"default": {"BACKEND": ["nowhere.Backend"]}}, "there is no ['nowhere.Backend']"),
    ],
    ids=str,
)
def test_tasks_without_a_backend_that_there_is_are_told(site, settings, tasks, why):
    site(DEFER=True)
    settings.TASKS = tasks
    message = only()
    assert message.id == "rembg.E022"
    assert why in message.msg


class Hasty(ImmediateBackend):
    """A subclass is still immediate."""


def test_a_task_backend_made_of_an_immediate_one_is_one(site, settings):
    site(DEFER=True)
    settings.TASKS = {"default": {"BACKEND": f"{__name__}.Hasty"}}
    assert only().id == "rembg.W006"


def test_without_any_tasks_nothing_can_be_deferred(site, monkeypatch):
    site(DEFER=True)
    monkeypatch.setattr("rembg_plugins.django.task_backends.find_spec", lambda name: None)
    assert only().id == "rembg.E021"


@pytest.mark.parametrize(
    ("engine", "costs"),
    [("api", True), (None, True), ("local", False), ("offline", False), ("rembg:u2net", False)],
)
def test_a_ledger_that_is_rolled_back_with_the_page_is_told_where_it_counts(
    site, monkeypatch, engine, costs
):
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    site(ENGINE=engine)
    connection = connections["default"]
    assert "rembg.W008" not in found()
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", value=True)
    assert ("rembg.W008" in found()) is costs
    monkeypatch.setattr(type(connection), "vendor", "postgresql")
    assert "rembg.W008" not in found()


def test_only_the_database_of_the_ledger_is_looked_at(site, monkeypatch, settings):
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    site(ENGINE="api")
    elsewhere = {**connections.settings["default"], "NAME": "elsewhere.sqlite3"}
    monkeypatch.setitem(connections.settings, "ledger", elsewhere)
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", value=True)
    settings.DATABASE_ROUTERS = [SimpleNamespace(db_for_write=lambda model, **_: "ledger")]
    assert found() == {}
    monkeypatch.setitem(elsewhere, "ATOMIC_REQUESTS", value=True)
    del connections["ledger"]
    assert "DATABASES['ledger']" in only().msg
    del connections["ledger"]


class SlowStorage(FileSystemStorage):
    """A subclass of a folder is looked at like the folder."""


def test_a_class_made_of_a_folder_is_looked_at_like_one(settings):
    store(settings, f"{__name__}.SlowStorage")
    assert only().id == "rembg.E013"
