from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest
from PIL import Image

OFFLINE = ("--engine", "offline")


def files(folder="."):
    return sorted(
        str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()
    )


def load(file):
    with Image.open(file) as image:
        image.load()
    return image


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_one_picture_is_cut_out_and_the_second_line_names_its_file(run, draw):
    draw("cat.jpg", size=(30, 20))
    done = run("remove", "cat.jpg", "-o", "cat.png", *OFFLINE)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "1 picture to cut out with the engine offline: no credits",
        "cat.jpg -> cat.png (30 × 20 px)",
        "1 done, 0 skipped, 0 failed; no credits spent",
    ]
    image = load("cat.png")
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (30, 20))
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((15, 10))[3] == 255


def test_the_default_is_webp_beside_the_source(run, draw):
    draw("a/cat.png")
    assert run("remove", "a/cat.png", *OFFLINE).exit_code == 0
    assert load("a/cat-cutout.webp").format == "WEBP"


def test_options_are_applied(run, draw):
    draw("cat.png", size=(40, 20))
    done = run(
        "remove",
        "cat.png",
        "--w",
        "20",
        "--bg-color",
        "white",
        "--angle",
        "90",
        "--format",
        "jpeg",
        *OFFLINE,
    )
    assert done.exit_code == 0, done.output
    image = load("cat-cutout.jpg")
    assert (image.size, image.mode) == ((10, 20), "RGB")
    assert min(image.getpixel((0, 0))) > 250


def test_a_mask_is_called_one(run, draw):
    draw("cat.png")
    assert run("remove", "cat.png", "--mask", "--format", "png", *OFFLINE).exit_code == 0
    assert load("cat-mask.png").mode == "L"


def test_a_folder_keeps_its_shape_and_one_bad_file_does_not_stop_the_others(run, draw, folder):
    draw("p/a.png")
    draw("p/sub/b.jpg", "blue")
    (folder / "p" / "bad.png").write_text("no picture")
    done = run("remove", "p", "-o", "out", "--format", "png", *OFFLINE)
    assert done.exit_code == 1
    assert files("out") == ["a.png", "sub/b.png"]
    assert "p/bad.png: failed: File does not appear to be a valid image" in done.stderr
    assert "2 done, 0 skipped, 1 failed" in done.stdout


def test_the_second_run_does_nothing_and_force_does_all_anew(run, draw, paid):
    draw("p/a.png")
    draw("p/b.png", "blue")
    arguments = ("remove", "p", "--engine", "paid")
    assert "2 credits spent" in run(*arguments).stdout
    second = run(*arguments)
    assert second.exit_code == 0
    assert "p/a.png: kept p/a-cutout.webp, which exists" in second.stdout
    assert "0 done, 2 skipped, 0 failed; no credits spent" in second.stdout
    assert len(paid.calls) == 2
    assert "2 done" in run(*arguments, "--force").stdout
    assert len(paid.calls) == 4


def test_the_same_bytes_are_paid_for_once(run, draw, paid):
    for name in ("a.png", "b.png", "sub/c.png"):
        draw(name)
    done = run("remove", "a.png", "b.png", "sub/c.png", "-o", "out", "--engine", "paid")
    assert len(paid.calls) == 1
    assert "3 done, 0 skipped, 0 failed; 1 credit spent" in done.stdout
    assert "b.png -> out/b.webp (20 × 10 px), the same picture as a.png" in done.stdout
    assert len({Path("out", name).read_bytes() for name in files("out")}) == 1
    assert len(files("out")) == 3


def test_no_original_is_overwritten(run, draw):
    content = draw("cat.png").read_bytes()
    done = run("remove", "cat.png", "-o", "cat.png", "--force", *OFFLINE)
    assert done.exit_code == 2
    assert Path("cat.png").read_bytes() == content


@pytest.mark.parametrize(
    "arguments",
    [
        ("--w", "abc"),
        ("--mask", "--bg-color", "red"),
        ("-o", "x.jpg", "--format", "png"),
        ("-o", "x.tiff"),
        ("--jobs", "0"),
        ("--max-credits", "-1"),
        ("--no-such-option",),
    ],
    ids=" ".join,
)
def test_usage_errors_come_before_anything_is_spent(run, draw, paid, arguments):
    draw("cat.png")
    done = run("remove", "cat.png", "--engine", "paid", *arguments)
    assert done.exit_code == 2
    assert "Error: " in done.stderr
    assert paid.calls == []
    assert files() == ["cat.png"]


def test_a_single_picture_fails_with_the_code_of_its_cause_and_a_remedy(run, folder):
    (folder / "bad.png").write_text("no picture")
    for name in ("bad.png", "none.png"):
        done = run("remove", name, *OFFLINE)
        assert done.exit_code == 65
        assert "Mend what the message names; nothing was sent." in done.stderr
        assert "Traceback" not in done.output


def test_an_unknown_engine_is_a_matter_of_configuration(run, draw):
    draw("cat.png")
    done = run("remove", "cat.png", "--engine", "lokal")
    assert done.exit_code == 78
    assert done.stderr.startswith("Error: There is no engine 'lokal'.")
    assert "doctor" in done.stderr


def test_a_folder_that_takes_no_files_ends_the_run_before_anything_is_spent(run, draw, paid):
    draw("a.png")
    Path("file").touch()
    for output in ("file/below/", "file/x.png"):
        done = run("remove", "a.png", "-o", output, "--engine", "paid")
        assert done.exit_code == 73
        assert "Not a directory" in done.stderr
    assert paid.calls == []


def test_an_empty_folder_is_nothing_to_do(run):
    Path("p").mkdir()
    done = run("remove", "p", *OFFLINE)
    assert done.exit_code == 0
    assert "no picture was found" in done.stdout


def test_a_picture_goes_through_a_pipe(run, draw):
    content = draw("cat.png", size=(30, 20)).read_bytes()
    done = run("remove", "-", "--format", "png", *OFFLINE, input=content)
    assert done.exit_code == 0
    assert load(io.BytesIO(done.stdout_bytes)).size == (30, 20)
    assert "standard input -> standard output" in done.stderr


def test_a_file_can_go_to_standard_output_and_a_pipe_into_a_file(run, draw):
    content = draw("cat.png").read_bytes()
    assert run("remove", "cat.png", "-o", "-", *OFFLINE).stdout_bytes[:4] == b"RIFF"
    assert run("remove", "-", "-o", "x.png", *OFFLINE, input=content).exit_code == 0
    assert load("x.png").format == "PNG"


def test_nothing_comes_out_of_an_empty_pipe(run):
    done = run("remove", "-", *OFFLINE, input=b"")
    assert done.exit_code == 65
    assert done.stdout_bytes == b""
    assert "Uploaded file is empty (0 bytes)." in done.stderr


def test_json_and_the_picture_cannot_share_standard_output(run, draw):
    assert run("remove", "-", "--json", *OFFLINE, input=draw("a.png").read_bytes()).exit_code == 2


def test_json_is_an_object_a_picture_and_a_summary(run, draw, folder):
    draw("p/a.png", size=(30, 20))
    draw("p/b.png", size=(30, 20))
    (folder / "p" / "c.png").write_text("no picture")
    done = run("remove", "p", "--json", *OFFLINE)
    *pictures, summary = objects(done)
    by_source = {one["source"]: one for one in pictures}
    assert by_source["p/a.png"] == {
        "type": "picture",
        "source": "p/a.png",
        "output": "p/a-cutout.webp",
        "status": "done",
        "credits": 0,
        "in_doubt": 0,
        "warnings": [],
        "engine": "offline",
        "format": "WEBP",
        "width": 30,
        "height": 20,
        "coverage": pytest.approx(0.79, abs=0.05),
        "same_as": None,
    }
    assert by_source["p/b.png"]["same_as"] == "p/a.png"
    error = by_source["p/c.png"]["error"]
    assert (error["class"], error["exit_code"], error["rescued"]) == ("ValidationError", 65, None)
    assert error["errors"][0]["code"] == "bad_signature"
    assert summary == {
        "type": "summary",
        "done": 2,
        "planned": 0,
        "skipped": 0,
        "failed": 1,
        "not_started": 0,
        "credits": 0,
        "in_doubt": 0,
        "credits_expected": 0,
        "credits_at_most": 0,
        "stopped": None,
        "exit_code": 1,
    }
    assert "2 done, 0 skipped, 1 failed" in done.stderr


def test_names_that_are_no_text_survive_json(run, draw):
    name = os.fsdecode(b"caf\xe9.png")
    draw("x.png").rename(name)
    picture, _ = objects(run("remove", name, "--json", *OFFLINE))
    assert picture["source"] == name
    assert os.fsencode(picture["output"]) == b"caf\xe9-cutout.webp"
    assert Path(picture["output"]).exists()


def test_names_are_printed_safely(run, draw):
    draw("x.png").rename("a\x1b[2J\n.png")
    done = run("remove", "a\x1b[2J\n.png", *OFFLINE)
    assert "a\\x1b[2J\\n.png -> a\\x1b[2J\\n-cutout.webp" in done.stdout
    assert "\x1b" not in done.output


def test_a_dry_run_tells_everything_and_does_nothing(run, draw, paid, folder):
    draw("p/a.png")
    draw("p/b.png")
    draw("p/c.png", "blue")
    draw("p/kept.png", "green")
    draw("out/kept.webp")
    (folder / "p" / "bad.png").write_text("no picture")
    before = files()
    done = run("remove", "p", "-o", "out", "--dry-run", "--engine", "paid")
    assert done.exit_code == 1
    assert files() == before
    assert paid.calls == []
    assert "p/a.png -> out/a.webp\n" in done.stdout
    assert "p/b.png -> out/b.webp, the same picture as p/a.png" in done.stdout
    assert "p/bad.png: failed" in done.stderr
    assert (
        "3 to do, 1 skipped, 1 failed; 2 credits would be spent, at most 4 if answers are lost"
        in done.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "cost"),
    [
        (("--no-repeat",), "2 credits would be spent\n"),
        (("--max-credits", "1"), "1 credit would be spent\n"),
        (("--max-credits", "3"), "2 credits would be spent, at most 3"),
    ],
)
def test_a_dry_run_knows_the_bounds(run, draw, paid, arguments, cost):
    draw("a.png")
    draw("b.png", "blue")
    done = run("remove", "a.png", "b.png", "--dry-run", "--engine", "paid", *arguments)
    assert cost in done.stdout


def test_a_dry_run_on_this_machine_costs_nothing(run, draw):
    draw("a.png")
    done = run("remove", "a.png", "--dry-run", "--json", *OFFLINE)
    picture, summary = objects(done)
    assert picture["status"] == "planned"
    assert (summary["planned"], summary["credits_at_most"]) == (1, 0)
    assert "1 to do, 0 skipped, 0 failed; no credits would be spent" in done.stderr


@pytest.fixture
def many(draw):
    for number in range(51):
        draw(f"p/{number:02}.png", (number, 0, 0), size=(2, 2))


def test_more_than_fifty_paid_pictures_need_a_yes(run, many, paid):
    done = run("remove", "p", "--engine", "paid")
    assert done.exit_code == 2
    assert "51 pictures would be paid for" in done.stderr
    assert "--yes" in done.stderr
    assert paid.calls == []
    assert run("remove", "p", "--engine", "paid", "--yes", "--jobs", "8").exit_code == 0
    assert len(paid.calls) == 51


def test_what_is_there_and_what_is_the_same_is_not_asked_for(run, many, draw, paid):
    draw("p/00-cutout.webp")
    draw("p/twin.png", (1, 0, 0), size=(2, 2))
    assert run("remove", "p", "--engine", "paid", "-q").exit_code == 0
    assert len(paid.calls) == 50


def test_nobody_is_asked_about_what_costs_nothing_or_is_bounded(run, many, paid):
    assert run("remove", "p", "-o", "free", *OFFLINE).exit_code == 0
    done = run("remove", "p", "--engine", "paid", "--max-credits", "3")
    assert done.exit_code == 75
    assert "3 done, 0 skipped, 0 failed, 48 not started; 3 credits spent" in done.stdout
    assert "Stopped: the bound of --max-credits is reached." in done.stderr
    assert len(paid.calls) == 3


def test_quiet_says_nothing_unless_something_is_wrong(run, draw, folder):
    draw("a.png")
    (folder / "bad.png").write_text("no picture")
    assert run("remove", "a.png", "-q", *OFFLINE).output == ""
    done = run("remove", "bad.png", "-q", *OFFLINE)
    assert done.stdout == ""
    assert "bad.png: failed" in done.stderr


def test_verbose_shows_where_an_error_came_from(run, folder):
    (folder / "bad.png").write_text("no picture")
    assert "Traceback" in run("remove", "bad.png", "-v", *OFFLINE).stderr
    assert "Traceback" not in run("remove", "bad.png", *OFFLINE).stderr


def test_what_the_api_does_not_take_is_transcoded_on_request(run, draw):
    draw("p/a.gif")
    assert run("remove", "p/a.gif", *OFFLINE).exit_code == 65
    assert "no picture was found" in run("remove", "p", *OFFLINE).stdout
    assert run("remove", "p", "--transcode", *OFFLINE).exit_code == 0
    assert files("p") == ["a-cutout.webp", "a.gif"]


def test_a_warning_is_printed_and_in_the_json(run, folder):
    Image.new("RGBA", (20, 10), (255, 0, 0, 0)).save(folder / "clear.png")
    done = run("remove", "clear.png", "--json", *OFFLINE)
    assert "clear.png: warning: Nothing was found to keep: the mask is empty." in done.stderr
    assert objects(done)[0]["warnings"] == ["Nothing was found to keep: the mask is empty."]


def test_a_store_makes_the_second_format_free(run, draw, paid):
    draw("a.png")
    arguments = ("remove", "a.png", "--engine", "paid", "--store", "file:cutouts")
    assert "1 credit spent" in run(*arguments).stdout
    assert "no credits spent" in run(*arguments, "--mask").stdout
    assert len(paid.calls) == 1


def test_a_dotenv_file_of_the_current_folder_is_read(run, draw, paid, folder):
    (folder / ".env").write_text("REMBG_ENGINE=paid\n")
    draw("a.png")
    assert "1 credit spent" in run("remove", "a.png").stdout


def test_credentials_of_a_plugin_choose_the_api(run, draw, plugin):
    from rembg_plugins.core.configuration import Credentials

    plugin(rembg_get_credentials=lambda profile: Credentials(api_key="0123456789abcdef"))
    draw("a.png")
    done = run("remove", "a.png", "--dry-run")
    assert "with the engine api: 1 credit" in done.stdout
    assert "0123456789" not in done.output


def test_new_files_obey_the_umask(run, draw):
    draw("a.png")
    before = os.umask(0o027)
    try:
        assert run("remove", "a.png", *OFFLINE).exit_code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("a-cutout.webp").stat().st_mode) == 0o640


def test_a_device_can_be_the_output(run, draw):
    draw("a.png")
    for _ in range(2):
        done = run("remove", "a.png", "-o", os.devnull, *OFFLINE)
        assert "1 done" in done.stdout
