from __future__ import annotations

import errno
import os
import sqlite3
import threading

import pytest
from core.processes import Child

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.database import VERSION, Database

OPENER = """
import sys
from pathlib import Path
from rembg_plugins.watch.database import Database

print("ready")
sys.stdin.readline()
database = Database(Path(sys.argv[1]))
with database.transaction() as ledger:
    ledger.execute("INSERT INTO meta VALUES (?, 'here')", (sys.argv[2],))
database.close()
"""

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    connection.execute(line)
    print("done")
"""

SMALL_FILES = """
import resource, signal, sys
from pathlib import Path
from rembg_plugins.watch.database import Database

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = Database(Path(sys.argv[1]))
with database.transaction() as ledger:
    ledger.execute("INSERT INTO meta VALUES ('first', 'committed')")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for number in range(100):
        with database.transaction() as ledger:
            ledger.execute("INSERT INTO meta VALUES (?, ?)", (str(number), "x" * 50_000))
        print(number)
except OSError as problem:
    print(problem.errno, problem.filename)
print(len(database.rows("SELECT * FROM meta")), database.value("PRAGMA integrity_check"))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def database(path):
    database = Database(path)
    yield database
    database.close()


def put(database, name, value="value"):
    with database.transaction() as ledger:
        ledger.execute("INSERT INTO meta VALUES (?, ?)", (name, value))


def put_and_fail(database):
    put(database, "a")
    raise KeyError


def names(database):
    return [row[0] for row in database.rows("SELECT name FROM meta ORDER BY name")]


def test_what_is_committed_is_there_when_the_file_is_opened_again(database, path):
    put(database, "a")
    database.close()
    again = Database(path)
    assert names(again) == ["a"]
    again.close()


def test_what_is_committed_is_on_disk_before_anything_depends_on_it(database):
    settings = [database.value(f"PRAGMA {name}") for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]  # 2 is FULL


def test_a_transaction_that_fails_leaves_nothing(database):
    with pytest.raises(KeyError), database.transaction():
        put_and_fail(database)
    assert names(database) == []
    put(database, "after")
    assert names(database) == ["after"]


def test_a_transaction_within_another_is_part_of_it(database):
    with pytest.raises(KeyError), database.transaction():
        put_and_fail(database)
    assert names(database) == []
    with database.transaction():
        put(database, "inner")
        put(database, "second")
    assert names(database) == ["inner", "second"]


def test_a_scan_does_not_wait_for_who_writes_and_sees_what_is_committed(database):
    put(database, "committed")
    with database.transaction() as ledger:
        ledger.execute("INSERT INTO meta VALUES ('not yet', 'b')")
        seen = []
        thread = threading.Thread(
            target=lambda: seen.extend(database.scan("SELECT name FROM meta"))
        )
        thread.start()
        thread.join(30)
        assert seen == [("committed",)]
    assert len(database.scan("SELECT name FROM meta")) == 2


def test_each_transaction_wakes_who_waits(database):
    before = database.changes
    put(database, "a")
    assert database.changes == before + 1
    database.wait(before, 60)  # returns at once: something has changed since


def test_one_that_fails_and_a_question_wake_nobody(database):
    before = database.changes
    with pytest.raises(KeyError), database.transaction():
        raise KeyError
    names(database)
    database.scan("SELECT 1")
    assert database.changes == before


def test_who_waits_is_woken_by_another_thread(database):
    before = database.changes
    thread = threading.Thread(target=put, args=(database, "a"))
    thread.start()
    database.wait(before, 60)
    thread.join()
    assert database.changes == before + 1
    assert names(database) == ["a"]


def test_threads_take_turns(database):
    def count():
        for _ in range(50):
            with database.transaction() as ledger:
                value = int(ledger.execute("SELECT value FROM meta").fetchone()[0])
                ledger.execute("UPDATE meta SET value = ?", (str(value + 1),))

    put(database, "n", "0")
    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.value("SELECT value FROM meta") == "400"


def test_processes_that_make_the_file_at_once_share_it(path):
    children = [Child(OPENER, path, number) for number in range(6)]
    for child in children:
        assert child.hear() == "ready"
    for child in children:
        child.tell()
    for child in children:
        with child:
            child.finish()
    database = Database(path)
    assert len(names(database)) == 6
    assert database.value("PRAGMA user_version") == VERSION
    database.close()


def test_another_process_that_writes_is_noticed_and_own_writes_are_not(database, path):
    version = database.version()
    put(database, "own")
    assert database.version() == version
    with Child(WRITER, path) as child:
        child.tell("INSERT INTO meta VALUES ('other', 'x')")
        assert child.hear() == "done"
        assert database.version() != version
    assert names(database) == ["other", "own"]


def test_a_file_that_another_process_keeps_for_too_long_is_named(path, monkeypatch):
    monkeypatch.setattr("rembg_plugins.watch.database._PATIENCE_S", 0.01)
    database = Database(path)
    with Child(WRITER, path) as child:
        child.tell("BEGIN IMMEDIATE")
        assert child.hear() == "done"
        with pytest.raises(OSError, match="locked") as caught:
            put(database, "a")
        assert (caught.value.errno, caught.value.filename) == (errno.EBUSY, str(path))
        child.tell("COMMIT")
        assert child.hear() == "done"
    put(database, "b")
    assert names(database) == ["b"]
    database.close()


@pytest.mark.parametrize("content", [b"no ledger", b"SQLite format 3\0" + b"x" * 5000, bytes(9000)])
def test_a_file_that_is_no_ledger_is_refused_by_name_and_stays(path, content):
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="ledger.sqlite3 cannot be used: .* move it away"):
        Database(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE content(a)")
    other.close()
    with pytest.raises(ConfigurationError, match="cannot be used: table content already exists"):
        Database(path)


def test_a_ledger_without_its_tables_is_refused(database, path):
    with database.transaction() as ledger:
        ledger.execute("DROP TABLE tally")
    database.close()
    with pytest.raises(ConfigurationError, match="no such table: tally"):
        Database(path)


def test_a_later_layout_is_refused_and_untouched(database, path):
    put(database, "a")
    with database.transaction() as ledger:
        ledger.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(ConfigurationError) as caught:
        Database(path)
    assert f"(layout {VERSION + 1}, known: {VERSION}): use that version" in str(caught.value)
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT name FROM meta").fetchall() == [("a",)]
    file.close()


def test_damage_that_is_found_later_says_what_to_do(path):
    database = Database(path)
    for number in range(200):
        put(database, f"{number:03}", "x" * 3000)
    database.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) * 2 // 3] = os.urandom(4096) * (
        len(content) // 3 // 4096
    )
    path.write_bytes(content)
    database = Database(path)
    for question in (database.rows, database.scan):
        with pytest.raises(ConfigurationError, match="move it away"):
            question("SELECT name, value FROM meta")
    with pytest.raises(ConfigurationError, match="move it away"), database.transaction() as ledger:
        ledger.execute("UPDATE meta SET value = 'y'")
    database.close()


@pytest.mark.parametrize("kind", ["a folder", "no such folder"])
def test_a_place_where_no_file_can_be_is_refused(path, kind):
    if kind == "a folder":
        path.mkdir()
    else:
        path = path / "below" / "nothing"
    with pytest.raises(ConfigurationError, match="unable to open database file"):
        Database(path)


def test_a_file_that_may_not_be_written_is_refused(path):
    Database(path).close()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    script = """
import os, sys
from pathlib import Path
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.database import Database

if os.getuid() == 0:  # whom permissions do not concern
    os.setgroups([])
    os.setuid(65534)
try:
    Database(Path(sys.argv[1]))
except ConfigurationError as problem:
    print(problem)
"""
    folder = path.parent
    while folder != folder.parent:  # or another user cannot come near it
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
        folder = folder.parent
    with Child(script, path) as child:
        text = child.finish()
    path.parent.chmod(0o755)
    assert "ledger.sqlite3 cannot be used: " in text
    assert "readonly" in text or "unable to open" in text


def test_a_full_disk_is_an_error_of_the_disk_and_loses_nothing(path):
    with Child(SMALL_FILES, path) as child:
        *numbers, problem, state = child.finish().splitlines()
    assert 1 <= len(numbers) < 20
    assert problem in {f"{code} {path}" for code in (errno.ENOSPC, errno.EIO)}
    assert state == f"{len(numbers) + 1} ok"
    database = Database(path)
    assert len(names(database)) == len(numbers) + 1
    database.close()


def test_a_mistake_in_a_statement_is_no_error_of_the_disk(database):
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        database.rows("SELEKT")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as ledger:
        ledger.execute("INSERT INTO meta VALUES (NULL, NULL)")
