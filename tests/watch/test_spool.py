from __future__ import annotations

import errno
import os
import stat

import pytest
from core.processes import Child
from watch.answers import HTML, OTHER, PICTURE, WRAPPED
from watch.rows import ENGINE, sha

from rembg_plugins.watch import spool as module
from rembg_plugins.watch.spool import Spool

NAME = sha(1).hex()

SMALL_FILES = """
import resource, signal, sys
from pathlib import Path
from rembg_plugins.watch.spool import Spool

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), engine="api 1", room=10**9)
content = bytes(25_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
with spool.receiving(bytes(32)) as answer:
    for start in range(0, len(content), 1000):
        assert answer.write(content[start : start + 1000]) == 1000
    answer.flush()
print(answer.is_whole, answer.problem.errno, spool.answer(bytes(32)))
try:
    spool.keep(bytes(32), content)
except OSError as problem:
    print(problem.errno, spool.cutout(bytes(32)))
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def spool(folder):
    return Spool(folder, engine=ENGINE, room=1000)


def lying(folder, pattern="*"):
    return sorted(path.name for path in folder.rglob(pattern) if path.is_file())


def receive(spool, *pieces, number=1, whole=True):
    with spool.receiving(sha(number)) as answer:
        for piece in pieces:
            assert answer.write(piece) == len(piece)
        if whole:
            answer.flush()
    return answer


def keep(spool, number, length, *, used):
    spool.keep(sha(number), bytes([number]) * length)
    os.utime(spool._place_of(sha(number)), (used, used))


def test_half_an_answer_is_never_whole(spool, folder):
    with spool.receiving(sha(1)) as answer:
        answer.write(b"ha")
        answer.write(memoryview(b"lf"))
        assert lying(folder) == [f"{NAME}.part"]
        assert not answer.is_whole
    assert lying(folder) == [f"{NAME}.part"]  # to close it does not make it whole
    assert answer.closed
    assert spool.answer(sha(1)) is None
    answer.flush()
    assert spool.answer(sha(1)) is None


def test_an_answer_is_whole_once_it_was_flushed(spool, folder):
    with spool.receiving(sha(1)) as answer:
        answer.write(b"half")
        answer.write(b"half")
        answer.flush()
        assert answer.is_whole
        assert lying(folder) == [f"{NAME}.answer"]
        assert spool.answer(sha(1)) == b"halfhalf"
        answer.flush()
    assert spool.answer(sha(1)) == b"halfhalf"


def test_an_exception_leaves_half_an_answer_half(spool, folder):
    def break_off(answer):
        answer.write(b"half")
        raise KeyError

    with pytest.raises(KeyError), spool.receiving(sha(1)) as answer:
        break_off(answer)
    assert lying(folder) == [f"{NAME}.part"]


def test_what_comes_after_a_flush_makes_it_half_again(spool, folder):
    with spool.receiving(sha(1)) as answer:
        answer.write(b"one")
        answer.flush()
        answer.write(b"two")
        assert not answer.is_whole
        assert lying(folder) == [f"{NAME}.part"]
        answer.flush()
    assert spool.answer(sha(1)) == b"onetwo"


def test_a_call_without_an_answer_leaves_nothing(spool, folder):
    receive(spool, whole=False)
    assert lying(folder) == []


def test_a_new_answer_does_not_begin_with_an_old_half(spool, folder):
    receive(spool, b"old and long", whole=False)
    receive(spool, b"new")
    assert spool.answer(sha(1)) == b"new"
    assert len(lying(folder)) == 1


def test_a_judged_answer_is_not_taken_for_that_of_the_next_call(spool, folder):
    receive(spool, HTML)
    receive(spool, b"half", whole=False)
    assert spool.answer(sha(1)) is None
    assert lying(folder) == [f"{NAME}.html", f"{NAME}.part"]


def test_answers_are_for_nobody_else_to_read(spool, folder):
    receive(spool, PICTURE)
    (path,) = folder.rglob("*.answer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.rglob("*") if one.is_dir()} <= {
        *(0o700, 0o755)
    }
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_is_gone_is_an_error_and_nothing_more(spool, folder):
    (folder / "spool").rename(folder / "elsewhere")
    with pytest.raises(FileNotFoundError):
        receive(spool, b"")


def test_a_good_answer_moves_to_the_cutouts_as_it_is(spool, folder):
    receive(spool, PICTURE)
    spool.keep(sha(1), PICTURE)
    assert lying(folder) == [f"{NAME}.png"]
    assert spool.cutout(sha(1)) == PICTURE
    assert spool.answer(sha(1)) is None
    assert list(spool.kept()) == [(sha(1), spool._place_of(sha(1)))]


@pytest.mark.parametrize("received", [[WRAPPED], []], ids=["wrapped", "no answer in the spool"])
def test_a_picture_that_came_in_another_way_is_kept(spool, folder, received):
    if received:
        receive(spool, *received)
    spool.keep(sha(1), PICTURE)
    assert lying(folder) == [f"{NAME}.png"]
    assert spool.cutout(sha(1)) == PICTURE


def test_a_cutout_that_was_kept_just_now_is_not_read_again(spool, monkeypatch):
    spool.keep(sha(1), PICTURE)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_read", lambda _: None)
        assert spool.cutout(sha(1)) == PICTURE
        assert spool.cutout(sha(1)) is None
    assert spool.cutout(sha(1)) == PICTURE


@pytest.mark.parametrize("length", [1, 1 << 18, (1 << 18) + 1, 1 << 19])
def test_an_answer_is_told_from_another_however_long_it_is(spool, folder, length):
    content = bytes(length)
    receive(spool, content)
    spool.keep(sha(1), content[:-1] + b"x")
    assert spool._place_of(sha(1)).read_bytes() == content[:-1] + b"x"
    for kept in (content, content[:-1], content + b"x"):
        receive(spool, content)
        spool.keep(sha(1), kept)
        assert spool._place_of(sha(1)).read_bytes() == kept
    assert lying(folder, "*.answer") == []


def test_a_newer_cutout_takes_the_place_of_an_older_one(spool):
    spool.keep(sha(1), PICTURE)
    receive(spool, OTHER)
    spool.keep(sha(1), OTHER)
    assert spool.cutout(sha(1)) == OTHER


@pytest.mark.parametrize(
    ("content", "name"),
    [(PICTURE, f"{NAME}.png"), (HTML, f"{NAME}.html"), (WRAPPED, f"{NAME}.bin")],
    ids=["PNG", "HTML", "JSON"],
)
def test_what_cannot_be_used_is_put_away_for_a_person(spool, folder, content, name):
    receive(spool, content)
    path = spool.refuse(sha(1))
    assert path == folder / "refused" / name
    assert path.read_bytes() == content
    assert lying(folder) == [name]


def test_what_came_before_a_call_broke_off_is_put_away(spool, folder):
    receive(spool, PICTURE[:60], whole=False)
    assert spool.refuse(sha(1)).read_bytes() == PICTURE[:60]
    assert len(lying(folder)) == 1


def test_what_is_in_memory_only_is_put_away(spool):
    assert spool.refuse(sha(1), HTML).read_bytes() == HTML


def test_where_nothing_was_received_nothing_is_put_away(spool, folder):
    assert spool.refuse(sha(1)) is None
    assert spool.refuse(sha(1), b"") is None
    assert lying(folder) == []


def test_half_an_answer_can_be_removed(spool, folder):
    receive(spool, b"half", whole=False)
    spool.forget_part(sha(1))
    spool.forget_part(sha(1))
    assert lying(folder) == []


def test_room_is_made_by_what_was_not_used_for_longest(spool, folder):
    for number, used in ((1, 30), (2, 10), (3, 20), (4, 40)):
        keep(spool, number, 300, used=used)
    assert spool.trim(lambda sha256: False) == [sha(2)]
    assert spool.trim(lambda sha256: False) == []
    assert sorted(lying(folder)) == sorted(f"{sha(number).hex()}.png" for number in (1, 3, 4))


def test_what_is_still_to_be_published_stays_however_old(spool):
    for number, used in ((1, 10), (2, 20), (3, 30), (4, 40)):
        keep(spool, number, 300, used=used)
    assert spool.trim(lambda sha256: sha256 in {sha(1), sha(2)}) == [sha(3)]
    assert spool.trim(lambda sha256: True) == []


def test_a_cutout_that_was_looked_at_is_no_longer_the_oldest(spool):
    for number, used in ((1, 10), (2, 20), (3, 30), (4, 40)):
        keep(spool, number, 300, used=used)
    assert spool.cutout(sha(1)) is not None
    assert spool.trim(lambda sha256: False) == [sha(2)]


def test_no_room_is_made_where_there_is_enough(spool):
    keep(spool, 1, 1000, used=10)
    assert spool.trim(lambda sha256: False) == []
    keep(spool, 2, 1, used=20)
    assert spool.trim(lambda sha256: False) == [sha(1)]


def test_what_is_kept_counts_after_a_restart(spool, folder):
    for number in range(1, 6):
        keep(spool, number, 300, used=number)
    assert len(Spool(folder, engine=ENGINE, room=1000).trim(lambda sha256: False)) == 2


def test_engines_have_cutouts_of_their_own(spool, folder):
    spool.keep(sha(1), PICTURE)
    for engine in ("api 2", "api/1", "API 1", "../..", "x" * 300):
        other = Spool(folder, engine=engine, room=1000)
        assert other.cutout(sha(1)) is None
        assert list(other.kept()) == []
        assert other._cutouts.parent == folder / "cutouts"


def test_files_of_others_among_the_cutouts_are_left_alone(spool, folder):
    spool.keep(sha(1), PICTURE)
    stranger = spool._place_of(sha(1)).with_name("holiday.png")
    stranger.write_bytes(b"x" * 5000)
    again = Spool(folder, engine=ENGINE, room=10)
    assert [sha256 for sha256, _ in again.kept()] == [sha(1)]
    assert again.trim(lambda sha256: False) == [sha(1)]
    assert stranger.exists()


def test_what_a_crash_left_is_swept_and_no_answer_is_lost(spool, folder):
    receive(spool, b"half", whole=False)
    receive(spool, HTML, number=2)
    spool.keep(sha(3), PICTURE)
    place = spool._place_of(sha(3))
    for leftover in (place.with_name(".rembg-0.tmp"), folder / "refused" / ".rembg-1.tmp"):
        leftover.write_bytes(b"half")
    assert spool.unjudged() == [sha(2)]
    spool.sweep()
    assert spool.unjudged() == []
    assert sorted(lying(folder)) == sorted([f"{sha(2).hex()}.html", f"{sha(3).hex()}.png"])


def test_a_full_disk_does_not_break_a_call_and_makes_nothing_whole(folder):
    with Child(SMALL_FILES, folder) as child:
        answer, kept = child.finish().splitlines()
    assert answer == f"False {errno.EFBIG} None"
    assert kept == f"{errno.EFBIG} None"
    assert lying(folder) == []


def test_a_disk_that_has_room_again_keeps_the_answer_from_memory(spool, folder):
    with spool.receiving(sha(1)) as answer:
        answer.write(PICTURE[:50])
        answer.problem = OSError(errno.ENOSPC, "full")  # as the disk says
        answer.write(PICTURE[50:])
        answer.flush()
        assert not answer.is_whole
        spool.keep(sha(1), PICTURE)
    assert spool.cutout(sha(1)) == PICTURE
    assert lying(folder) == [f"{NAME}.png"]
