"""Whatever the files in INBOX are called, and whatever they are if they are no files."""

from __future__ import annotations

import os
import socket

import pytest
from watch import oracle
from watch.feeding import photo
from watch.running import Trial

pytestmark = pytest.mark.promise


def test_names_of_every_kind_get_their_outputs(tmp_path):
    names = [
        b"caf\xe9.jpg", b"\xff\xfe.jpg", "cafe\u0301.jpg".encode(), "caf\u00e9.jpg".encode(),
        b"line\nbreak.jpg", b"-rf.jpg", b"CON.jpg", b"con.png.jpg", b"dot..jpg", b"space .jpg",
        b"Case.jpg", b"case.jpg", "\u202egpj.exe.jpg".encode(), b"'quotes\".jpg", b"a:b?c*d.jpg",
        b"tab\t.jpg", b"x" * 251 + b".jpg", b"y" * 251 + b".JPG", "\U0001f600.jpg".encode(),
        b"x.jpg", b"x.jpeg", b"x.JPG", b"percent%E9.jpg", b" .jpg", b"%.jpg", b"\x1b[31m.jpg",
        b"aux/nul/com1.jpg", b"deep/" * 20 + b"x.jpg", b"trailing./x.jpg",
    ]  # fmt: skip
    with Trial(tmp_path) as trial:
        for name in names:
            trial.feed(name)
        assert trial.once() == 0
        outputs = {
            os.fsencode(one["source"]): os.fsencode(one["output"])
            for one in trial.runs[-1].of("picture", status="published")
        }
        oracle.check(trial, names=outputs, doubtful=1)
        folded = {output.decode().casefold() for output in outputs.values()}
        assert len(folded) == len(names)
        assert all(len(part) <= 255 for output in outputs.values() for part in output.split(b"/"))
        assert not any(set(output) & set(b'\n\t\x1b<>:"|?*\\') for output in outputs.values())


def test_links_pipes_and_sockets_are_left_alone(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(photo("secret"))
    with Trial(tmp_path / "t") as trial, socket.socket(socket.AF_UNIX) as listener:
        trial.feed("real.jpg")
        (trial.inbox / "link.jpg").symlink_to(outside / "secret.jpg")
        (trial.inbox / "folder").symlink_to(outside)
        (trial.inbox / "loop").symlink_to(trial.inbox)
        (trial.inbox / "dangling.jpg").symlink_to("nowhere")
        os.mkfifo(trial.inbox / "pipe.jpg")
        here = os.open(trial.inbox, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket.jpg")
        os.close(here)
        os.link(trial.inbox / "real.jpg", trial.inbox / "hard.jpg")
        trial.fed[b"hard.jpg"] = trial.fed[b"real.jpg"]
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_a_link_in_outbox_leads_nowhere(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    with Trial(tmp_path / "t") as trial:
        (trial.outbox / "shop").symlink_to(outside)
        trial.feed("shop/one.jpg")
        trial.once()
        assert not list(outside.iterdir())
        (news,) = trial.runs[-1].of("picture", status="published")
        oracle.check(trial, names={b"shop/one.jpg": os.fsencode(news["output"])}, doubtful=1)


@pytest.mark.parametrize(
    ("inbox", "outbox"), [("same", "same"), ("a", "a/out"), ("b/in", "b"), ("c", "c/../c")]
)
def test_folders_in_each_other_are_refused(tmp_path, inbox, outbox):
    with Trial(tmp_path) as trial:
        for name in (inbox, outbox):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        assert trial.once(inbox=tmp_path / inbox, outbox=tmp_path / outbox) == 78
        assert not trial.sandbox.calls


def test_junk_is_not_even_looked_at(tmp_path):
    junk = [
        ".hidden.jpg", "._x.jpg", "x.jpg~", "~$x.jpg", ".~lock.x.jpg", "x.part", "x.jpg.part",
        "x.jpg.crdownload", "x.jpg.tmp", "x.jpg.partial", "x.jpg.filepart", "Thumbs.db",
        "@eaDir/x.jpg", "#recycle/x.jpg", ".stfolder/x.jpg", ".x.jpg.Xa3b9k", "notes.txt",
        ".git/x.jpg",
    ]  # fmt: skip
    with Trial(tmp_path) as trial:
        for name in junk:
            trial.feed(name)
        trial.fed.clear()
        assert trial.once() == 0
        assert trial.ledger("status")["paths"] == {}
        assert not trial.sandbox.calls
