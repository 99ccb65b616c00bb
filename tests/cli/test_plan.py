from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from rembg_plugins.cli.plan import make_plan
from rembg_plugins.cli.targets import Target
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.options import Options


def planned(*pairs, stdin=b"", force=False, transcode=False, decode=False):
    targets = [
        Target(source=str(one), output=None if to is None else Path(to)) for one, to in pairs
    ]
    return make_plan(
        targets,
        Options(format="PNG"),
        io.BytesIO(stdin),
        force=force,
        transcode=transcode,
        decode=decode,
    )


def jobs_of(plan):
    return [[target.source for target in job.targets] for job in plan.jobs]


def test_the_same_bytes_are_one_job_whatever_the_files_are_called(draw):
    for name in ("a.png", "b.png", "sub/c.png"):
        draw(name, "red")
    draw("other.png", "blue")
    plan = planned(("a.png", "1"), ("other.png", "2"), ("b.png", "3"), ("sub/c.png", "4"))
    assert jobs_of(plan) == [["a.png", "b.png", "sub/c.png"], ["other.png"]]


def test_files_of_different_lengths_are_not_read_to_compare_them(draw, monkeypatch):
    draw("a.png", size=(10, 10))
    draw("b.png", size=(300, 200))
    monkeypatch.setattr("hashlib.file_digest", None)
    assert len(planned(("a.png", "1"), ("b.png", "2")).jobs) == 2


def test_outputs_that_exist_are_kept_unless_forced(draw):
    draw("a.png")
    draw("out.png")
    assert [one.source for one in planned(("a.png", "out.png")).kept] == ["a.png"]
    assert jobs_of(planned(("a.png", "out.png"), force=True)) == [["a.png"]]


def test_a_device_is_no_output_to_keep(draw):
    draw("a.png")
    assert jobs_of(planned(("a.png", os.devnull))) == [["a.png"]]


def test_a_folder_in_an_outputs_place_is_found_before_anything_is_spent(draw):
    draw("a.png")
    Path("out.png").mkdir()
    ((_, error),) = planned(("a.png", "out.png")).failed
    assert isinstance(error, IsADirectoryError)


def test_a_name_that_is_too_long_is_found_before_anything_is_spent(draw):
    draw("a.png")
    ((_, error),) = planned(("a.png", f"{'x' * 300}.png")).failed
    assert isinstance(error, OSError)


def test_one_folder_that_takes_no_files_does_not_stop_the_others(draw):
    draw("a.png")
    draw("b.png", "blue")
    Path("file").touch()
    plan = planned(("a.png", "file/a.png"), ("b.png", "b-cutout.png"))
    assert jobs_of(plan) == [["b.png"]]
    assert isinstance(plan.failed[0][1], NotADirectoryError)


def test_every_picture_is_checked(draw, folder):
    (folder / "bad.png").write_text("no picture")
    draw("good.png")
    plan = planned(("bad.png", "1"), ("good.png", "2"), ("none.png", "3"), (".", "4"))
    assert [(one.source, error.errors[0].code) for one, error in plan.failed] == [
        ("bad.png", "bad_signature"),
        ("none.png", "unreadable"),
        (".", "unreadable"),
    ]


def test_a_folder_that_could_not_be_read_has_failed():
    target = Target(source="closed", output=Path("x"), error=PermissionError(13, "not allowed"))
    plan = make_plan([target], Options(), io.BytesIO(), force=False, transcode=False, decode=False)
    with pytest.raises(ValidationError, match="Cannot read 'closed': not allowed"):
        raise plan.failed[0][1]


def test_a_name_that_begins_like_a_data_url_is_a_name(draw):
    draw("data:image/png;base64,AAAA.png")
    assert len(planned(("data:image/png;base64,AAAA.png", "1")).jobs) == 1


def test_standard_input_is_read_once(draw):
    content = draw("a.png").read_bytes()
    (job,) = planned(("-", None), stdin=content).jobs
    assert job.source.length == len(content)
    assert job.source.open().read() == content


def test_what_can_be_transcoded_is_checked_in_full_only_in_a_dry_run(draw, folder):
    draw("good.gif")
    (folder / "cut.gif").write_bytes((folder / "good.gif").read_bytes()[:20])
    pairs = (("good.gif", "1"), ("cut.gif", "2"))
    assert len(planned(*pairs).failed) == 2
    assert len(planned(*pairs, transcode=True).jobs) == 2
    plan = planned(*pairs, transcode=True, decode=True)
    assert [one.source for one, _ in plan.failed] == ["cut.gif"]
