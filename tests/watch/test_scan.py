from __future__ import annotations

import os
import socket

import pytest
from watch import rows
from watch.nobody import Nobody

from rembg_plugins.watch import scan, vanished
from rembg_plugins.watch.records import Place, Stamp, Taken
from rembg_plugins.watch.scan import Scanner
from rembg_plugins.watch.selection import Selection
from rembg_plugins.watch.states import PathState


class Look:
    """An INBOX, its ledger, and what a scan tells."""

    def __init__(self, folder, *, with_inode=True, **selection):
        self.inbox = folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        (folder / "state").mkdir(exist_ok=True)
        self.ledger = rows.opened(folder / "state", rows.Clock())
        self.told = []
        self.scanner = Scanner(
            self.inbox,
            selection=Selection(**selection),
            rows=self.ledger.paths,
            with_inode=with_inode,
            tell=lambda text, source: self.told.append((text, source)),
        )

    def put(self, relative, content=b"abc"):
        path = self.inbox / os.fsdecode(relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def find(self):
        return self._add(self.scanner.scan())

    def _add(self, found):
        """What is found, by name; it is in the ledger from then on."""
        names = []
        for candidates in found:
            for place, stamp in candidates:
                taken = Taken(place=place, stamp=stamp, sha256=rows.sha(len(names)), size_px=(1, 1))
                self.ledger.paths.add([taken])
                names.append(place.relative)
        return sorted(names)

    def tree(self, folder):
        return self._add(self.scanner.tree(folder))

    def at(self, *relatives):
        places = [rows.place(relative) for relative in relatives]
        return self._add([self.scanner.files_at(places)])

    def known(self):
        return sorted(
            Place(folder, name).relative
            for folder in self.ledger.paths.folders()
            for name in self.ledger.paths.names(folder)
        )


@pytest.fixture
def look(tmp_path):
    look = Look(tmp_path)
    yield look
    look.ledger.close()


def test_everything_is_found_once(look):
    for name in ("a.jpg", "b/a.jpg", "b/c/d/e/f.png", b"caf\xe9/\xff.jpg", "x\ny.jpg", "-rf.jpg"):
        look.put(name)
    assert look.find() == sorted(
        [b"a.jpg", b"b/a.jpg", b"b/c/d/e/f.png", b"caf\xe9/\xff.jpg", b"x\ny.jpg", b"-rf.jpg"]
    )
    assert look.find() == []
    assert look.scanner.files == 6


def test_a_folder_of_many_files_is_found_in_pieces(look, monkeypatch):
    monkeypatch.setattr(scan, "AT_ONCE", 7)
    for number in range(50):
        look.put(f"{number}.jpg")
    pieces = list(look.scanner.scan())
    assert sum(map(len, pieces)) == 50
    assert max(map(len, pieces)) == 7


@pytest.mark.parametrize("change", ["length", "time", "inode"])
def test_what_was_changed_is_found_again(look, change):
    path = look.put("a.jpg")
    look.find()
    stat = path.stat()
    if change == "length":
        path.write_bytes(b"abcd")
    if change == "inode":
        path.with_name("b").write_bytes(b"xyz")
        path.with_name("b").rename(path)
    when = 5 if change == "time" else stat.st_mtime_ns
    os.utime(path, ns=(when, when))
    assert look.find() == [b"a.jpg"]


def test_inodes_count_only_where_they_mean_something(tmp_path):
    look = Look(tmp_path, with_inode=False)
    path = look.put("a.jpg")
    look.find()
    stat = path.stat()
    path.with_name("b").write_bytes(b"xyz")
    os.utime(path.with_name("b"), ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    path.with_name("b").rename(path)
    assert look.find() == []
    assert look.ledger.paths.get(rows.place("a.jpg")).stamp.ino == 0
    look.ledger.close()


def test_what_is_no_file_is_passed_by(look):
    os.mkfifo(look.inbox / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(look.inbox / "socket.jpg"))
    (look.inbox / "folder.jpg").mkdir()
    assert look.find() == []


def test_links_are_not_followed_and_that_is_told_once(look, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"abc")
    (look.inbox / "folder").symlink_to(tmp_path / "elsewhere")
    (look.inbox / "file.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
    (look.inbox / "loop").symlink_to(look.inbox)
    assert look.find() == []
    assert look.find() == []
    assert len(look.told) == 1
    assert "Links are not followed" in look.told[0][0]


def test_what_is_not_meant_is_not_found(tmp_path):
    look = Look(tmp_path, exclude=("b",), left_out=frozenset({str(tmp_path / "inbox" / "done")}))
    for name in (
        "a.jpg",
        "b/a.jpg",
        "c/b/a.jpg",
        "done/a.jpg",
        "c/done/a.jpg",
        ".x/a.jpg",
        "a.txt",
    ):
        look.put(name)
    assert look.find() == [b"a.jpg", b"c/done/a.jpg"]
    assert look.at("b/a.jpg", "done/a.jpg", ".x/a.jpg", "a.txt") == []
    assert look.tree(b"b") == look.tree(b"done") == look.tree(b"done/x") == look.tree(b".x") == []
    look.ledger.close()


def test_files_that_are_gone_are_forgotten(look):
    for name in ("a.jpg", "b.jpg", "c/a.jpg", "c/b.jpg"):
        look.put(name)
    look.find()
    (look.inbox / "a.jpg").unlink()
    (look.inbox / "c" / "b.jpg").unlink()
    look.find()
    assert look.known() == [b"b.jpg", b"c/a.jpg"]


def test_one_that_is_gone_is_forgotten_though_another_came(look):
    look.put("a.jpg")
    look.find()
    (look.inbox / "a.jpg").rename(look.inbox / "b.jpg")
    look.find()
    look.find()
    assert look.known() == [b"b.jpg"]


def test_folders_that_are_gone_are_forgotten_with_all_that_lay_in_them(look):
    for name in ("a.jpg", "b/a.jpg", "b/c/a.jpg"):
        look.put(name)
    look.find()
    (look.inbox / "b" / "c" / "a.jpg").unlink()
    (look.inbox / "b" / "c").rmdir()
    (look.inbox / "b").rename(look.inbox / "d")
    assert look.find() == [b"d/a.jpg"]
    assert look.known() == [b"a.jpg", b"d/a.jpg"]


def test_a_folder_that_became_a_link_is_gone_with_all_that_lay_in_it(look, tmp_path):
    look.put("b/a.jpg")
    look.put("b/c/a.jpg")
    look.put("a.jpg")
    look.find()
    (look.inbox / "b").rename(tmp_path / "elsewhere")
    (look.inbox / "b").symlink_to(tmp_path / "elsewhere")
    look.find()
    assert look.known() == [b"a.jpg"]


@pytest.mark.parametrize("state", [PathState.READY, PathState.FAILING, PathState.PUBLISHED])
@pytest.mark.parametrize("way", ["scan", "news"])
def test_what_somebody_has_in_hand_is_not_forgotten(look, state, way):
    path = look.put("a.jpg")
    look.put("b.jpg")
    look.find()
    with look.ledger.paths._database.transaction() as ledger:
        ledger.execute("UPDATE path SET state = ? WHERE name = ?", (state, b"a.jpg"))
    path.unlink()
    look.find() if way == "scan" else look.at("a.jpg")
    assert look.known() == [b"a.jpg", b"b.jpg"]


def test_an_inbox_that_is_away_forgets_nothing_and_is_told_of_once(look):
    look.put("a.jpg")
    look.put("b/a.jpg")
    look.find()
    look.inbox.rename(look.inbox.with_name("away"))
    for _ in range(3):
        assert look.find() == look.at("a.jpg") == look.tree(b"b") == []
    assert look.known() == [b"a.jpg", b"b/a.jpg"]
    assert look.scanner.identity is None
    look.inbox.with_name("away").rename(look.inbox)
    assert look.find() == []
    assert [text[:21] for text, _ in look.told] == [
        "INBOX cannot be looke",
        "INBOX is there again.",
    ]


def test_an_inbox_that_is_away_while_it_is_looked_at_forgets_nothing(look):
    look.put("a.jpg")
    look.put("b/a.jpg")
    look.find()
    scanning = look.scanner.scan()
    next(scanning)
    look.inbox.rename(look.inbox.with_name("away"))
    assert sum(map(len, scanning)) == 0
    assert look.known() == [b"a.jpg", b"b/a.jpg"]


def test_an_inbox_that_is_replaced_while_it_is_looked_at_forgets_nothing_yet(look):
    look.put("a.jpg")
    gone = look.put("b.jpg")
    look.find()
    gone.unlink()
    scanning = look.scanner.scan()
    next(scanning)
    look.inbox.rename(look.inbox.with_name("away"))
    look.inbox.mkdir()
    assert sum(map(len, scanning)) == 0
    assert look.known() == [b"a.jpg", b"b.jpg"]


def test_an_empty_folder_in_the_place_of_a_disk_forgets_nothing(tmp_path):
    """As after a start at which the share is not there: the ledger has rows, INBOX is empty."""
    look = Look(tmp_path)
    look.put("a.jpg")
    look.put("b/a.jpg")
    look.find()
    look.ledger.close()
    look.inbox.rename(tmp_path / "share")
    again = Look(tmp_path)
    again.find()
    assert again.known() == [b"a.jpg", b"b/a.jpg"]
    again.ledger.close()


def test_an_inbox_that_was_emptied_while_we_looked_is_believed(look):
    look.put("a.jpg").unlink()
    path = look.put("a.jpg")
    look.find()
    path.unlink()
    look.find()
    assert look.known() == []


def test_an_empty_inbox_on_another_device_is_not_believed(look):
    path = look.put("a.jpg")
    look.find()
    path.unlink()
    look.scanner._vanished._filled += 1  # the device of what was mounted there
    look.find()
    look.at("a.jpg")
    assert look.known() == [b"a.jpg"]


def test_a_folder_that_cannot_be_read_forgets_nothing_and_is_told_of_once():
    nobody = Nobody()
    look = Look(nobody.folder)
    try:
        for name in ("a.jpg", "b/a.jpg", "b/c/a.jpg"):
            look.put(name)
        look.find()
        (look.inbox / "b").chmod(0)
        (look.inbox / "a.jpg").unlink()
        with nobody:
            listed = list(look.scanner.scan()) + list(look.scanner.scan())
        assert sum(map(len, listed)) == 0
        assert look.told == [
            ("A folder cannot be read (Permission denied); its files are not forgotten.", b"b")
        ]
        assert look.known() == [b"b/a.jpg", b"b/c/a.jpg"]
    finally:
        look.ledger.close()
        nobody.remove()


def test_what_waits_and_is_no_longer_meant_is_forgotten_and_what_is_done_is_not(tmp_path):
    look = Look(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d/a.jpg"):
        look.put(name)
    look.find()
    with look.ledger.paths._database.transaction() as ledger:
        ledger.execute("UPDATE path SET state = 6 WHERE name = ?", (b"b.jpg",))
    look.ledger.close()
    again = Look(tmp_path, exclude=("a.jpg", "b.jpg", "d"))
    assert again.find() == again.find() == []
    assert again.known() == [b"b.jpg", b"c.jpg"]
    (again.inbox / "b.jpg").unlink()
    again.find()
    assert again.known() == [b"b.jpg", b"c.jpg"]  # found out when another one goes
    again.ledger.close()


def test_a_tree_is_looked_at_by_itself(look):
    for name in ("a.jpg", "b/a.jpg", "b/c/a.jpg", "d/a.jpg"):
        look.put(name)
    assert look.tree(b"b") == [b"b/a.jpg", b"b/c/a.jpg"]
    assert look.tree(b"other") == []
    assert look.find() == [b"a.jpg", b"d/a.jpg"]


def test_single_files_are_looked_at_by_themselves(look):
    look.put("a.jpg")
    look.put("b/a.jpg")
    assert look.at("a.jpg", "b/a.jpg", "b/other.jpg", "b") == [b"a.jpg", b"b/a.jpg"]
    assert look.at("a.jpg", "b/a.jpg") == []
    look.put("a.jpg", b"other")
    (look.inbox / "b" / "a.jpg").unlink()
    assert look.at("a.jpg", "b/a.jpg") == [b"a.jpg"]
    look.scanner.is_there()
    look.find()
    assert look.known() == [b"a.jpg"]


def test_names_are_looked_for_in_pieces_when_some_are_gone(look, monkeypatch):
    monkeypatch.setattr(vanished, "_AT_ONCE", 3)
    for number in range(20):
        look.put(f"{number:02}.jpg")
    look.find()
    for number in range(0, 20, 2):
        (look.inbox / f"{number:02}.jpg").unlink()
    look.find()
    assert look.known() == [b"%02d.jpg" % number for number in range(1, 20, 2)]


def test_a_stamp_of_the_ledger_that_is_no_file_s_is_a_change(look):
    look.put("a.jpg")
    look.find()
    look.ledger.paths.fail_path(rows.place("a.jpg"), Stamp(1, 1, 1), "why", "code")
    assert look.find() == [b"a.jpg"]
