"""PostgreSQL, Redis and Memcached for the tests: the real programs, on sockets of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import connections

_PATIENCE_S = 60  # for what takes a moment; nothing ever waits so long if all is well


@pytest.fixture(scope="session")
def postgresql():
    """The folder of a server's socket: ``TEST_POSTGRESQL`` of the site's settings."""
    with _folder("postgres") as folder:
        data = folder / "data"
        initialise = [_program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(
            initialise, check=True, stdout=subprocess.DEVNULL, cwd=folder, **_as("postgres")
        )
        options = {"listen_addresses": "", "fsync": "off", "unix_socket_directories": folder}
        command = [_program("postgres"), "-D", data]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with _running(command, "ready to accept connections", folder, as_user="postgres"):
            yield folder


@pytest.fixture(scope="session")
def redis():
    """The URL of a server: ``TEST_REDIS`` of the site's settings."""
    with redis_server() as (url, _process):
        yield url


@contextmanager
def redis_server():
    """A Redis that keeps nothing on disk: its URL, and its process, which may be ended."""
    with _folder(None) as folder:
        socket = folder / "redis.sock"
        command = [_program("redis-server"), "--port", "0", "--unixsocket", socket, "--save", ""]
        with _running(command, "eady to accept connections", folder) as process:
            yield f"unix://{socket}", process


@pytest.fixture(scope="session")
def memcached():
    """The address of a server."""
    with _folder(None) as folder:
        socket, user = folder / "memcached.sock", pwd.getpwuid(os.geteuid()).pw_name
        command = [_program("memcached"), "-s", socket, "-u", user, "-vv"]
        with _running(command, "server listening", folder):
            yield f"unix:{socket}"


@pytest.fixture
def use_cache(settings):
    """Uses a Redis for the locks, or a cache of another class."""

    def use(url, backend="django.core.cache.backends.redis.RedisCache"):
        default = {"BACKEND": backend, "LOCATION": url}
        settings.CACHES = {**settings.CACHES, "default": default}
        if url.startswith("unix:"):
            caches["default"].clear()  # of another test's locks

    return use


@pytest.fixture
def dead_redis(use_cache):
    """The locks are in a Redis that is not there any more."""
    with redis_server() as (url, process):
        use_cache(url)
        yield process


class ToPostgresql:
    """A router: everything lies there."""

    def db_for_read(self, model, **hints):
        return "postgresql"

    db_for_write = db_for_read


@pytest.fixture
def on_postgresql(postgresql, settings, django_db_blocker):
    """Has this process keep the ledger in PostgreSQL, in a database of the test's own."""
    from rembg_plugins.django.models import Call, Window

    name = f"test_{os.getpid()}_{threading.get_ident()}"
    changes = {"ENGINE": "django.db.backends.postgresql", "HOST": str(postgresql)}
    changes |= {"USER": "postgres"}
    with django_db_blocker.unblock():
        connections.settings["postgresql"] = _database("postgres", **changes)
        connection = connections["postgresql"]
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        _drop_connection()
        connections.settings["postgresql"] = _database(name, **changes)
        with connections["postgresql"].schema_editor() as editor:
            for model in (Call, Window):
                editor.create_model(model)
        settings.DATABASE_ROUTERS = [ToPostgresql()]
        try:
            yield connections["postgresql"]
        finally:
            _drop_connection()
            connections.settings["postgresql"] = _database("postgres", **changes)
            with connections["postgresql"].cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            _drop_connection()
            del connections.settings["postgresql"]


def until_alone(connection):
    """Wait until the server has no other connection to this database: it ends them in a moment."""
    latest = time.monotonic() + _PATIENCE_S
    others = True
    while others:
        assert time.monotonic() < latest, "a connection was left open"
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )
            (others,) = cursor.fetchone()


def _database(name, **changes):
    return {**connections.settings["default"], "NAME": name, **changes}


def _drop_connection():
    connections["postgresql"].close()
    del connections["postgresql"]


@contextmanager
def _folder(owner):
    """A short path, since that of a socket may have 107 bytes; another user may enter."""
    path = Path(tempfile.mkdtemp(prefix="tests-"))
    try:
        if owner is not None and os.geteuid() == 0:
            shutil.chown(path, owner, owner)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _program(name):
    """The path of a program of the system's."""
    places = (
        os.environ["PATH"],
        *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),
    )
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"needs the program {name}: apt-get install postgresql redis-server memcached")
    return found


def _as(user):
    """PostgreSQL does not start as root."""
    if user is None or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def _running(command, greeting, folder, *, as_user=None):
    """A program in the background, from its greeting on; it is killed with the block."""
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        **_as(as_user),
    )
    watchdog = threading.Timer(_PATIENCE_S, process.kill)
    watchdog.start()
    rest = threading.Thread(target=process.stdout.read)  # nobody else empties the pipe
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if greeting in line:
                break
        else:
            pytest.fail(f"{command[0]} did not start:\n{''.join(said[-20:])}")
        watchdog.cancel()
        rest.start()
        yield process
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGQUIT)  # PostgreSQL ends its children then, and at once
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if rest.ident is not None:
            rest.join(_PATIENCE_S)
        process.stdout.close()
