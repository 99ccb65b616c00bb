from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest
from PIL import Image
from watch.feeding import photo
from watch.station import PATIENCE_S, Door
from watch.watching import REFUSED

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.testing.offline import OfflineEngine
from rembg_plugins.watch.decisions import resolve
from rembg_plugins.watch.states import ContentState, PathState
from rembg_plugins.watch.warned import find_warned

QUEUED, SENDING, IN_DOUBT, PARKED, CUT, FAILED = ContentState
WAITING, READY, FAILING, PUBLISHED, DONE, PATH_FAILED = PathState
TEXT = b"a person's own"


def cutout(content, **options):
    """What the offline engine makes of a picture."""
    return Adapter(OfflineEngine()).remove(content, **({"format": "PNG"} | options)).content


def size_of(content):
    with Image.open(io.BytesIO(content)) as image:
        return image.size


def filled(alpha, size=(48, 32)):
    file = io.BytesIO()
    Image.new("RGBA", size, (200, 30, 40, alpha)).save(file, "PNG")
    return file.getvalue()


def evict(station, sha256):
    """Let a cut-out be gone, as to make room."""
    station.parts.spool._place_of(sha256).unlink()
    station.parts.ledger.contents.drop_cutout(sha256)


def test_an_output_is_what_the_engine_made(api):
    api.open()
    content = api.feed("shop/cat.jpg")
    api.find("shop/cat.jpg")
    api.work()
    ((name, output),) = api.outputs().items()
    assert name == "shop/cat.png"
    assert output == cutout(content)
    assert api.originals() == {"shop/cat.jpg": content}


@pytest.mark.parametrize(
    "options",
    [{"w": "24"}, {"format": "JPEG"}, {"bg_color": "#ff0000"}, {"name": "x-{stem}.{ext}"}],
)
def test_other_options_later_cost_nothing(api, options):
    api.open()
    content = api.feed("cat.jpg")
    api.find("cat.jpg")
    api.work()
    (before,) = api.outputs().values()
    api.open(**options)
    assert api.row("cat.jpg").state is READY
    api.work()
    assert len(api.sent) == 1
    after = api.outputs()
    made = {key: value for key, value in options.items() if key != "name"}
    assert cutout(content, **made) in after.values()
    if made.keys() & {"w", "bg_color"}:
        assert before not in after.values()  # our own is replaced where the name is the same
    (_, news) = api.ears.pictures
    assert (news.status, news.credits) == ("published", 0)


def test_the_same_options_later_publish_nothing_again(api):
    api.open(w="24")
    api.fed("cat.jpg")
    api.work()
    api.open(w="24")
    api.work()
    assert len(api.ears.pictures) == 1


def test_new_bytes_under_an_old_name_are_a_new_call_and_replace_its_output(api):
    api.open()
    api.fed("cat.jpg", seed="old")
    api.work()
    new = api.feed("cat.jpg", seed="new")
    api.find("cat.jpg")
    api.work()
    assert api.outputs() == {"cat.png": cutout(new)}
    assert sorted(api.bills.values()) == [1, 1]


@pytest.mark.parametrize("whose", ["a foreign file", "an output that was edited"])
def test_what_is_not_as_we_wrote_it_is_never_overwritten(api, whose):
    api.open()
    if whose == "a foreign file":
        (api.outbox / "cat.png").write_bytes(TEXT)
    else:
        api.fed("cat.jpg", seed="old")
        api.work()
        (api.outbox / "cat.png").write_bytes(TEXT)
    new = api.feed("cat.jpg", seed="new")
    api.find("cat.jpg")
    api.work()
    outputs = api.outputs()
    assert outputs.pop("cat.png") == TEXT
    assert list(outputs.values()) == [cutout(new)]


def test_names_that_would_clash_get_outputs_of_their_own(api):
    api.open()
    fed = {name: api.feed(name) for name in ("cat.jpg", "cat.png", "CAT.bmp", "a/cat.jpg")}
    api.find(*fed)
    api.work()
    assert sorted(api.outputs().values()) == sorted(map(cutout, fed.values()))


def test_a_cutout_that_is_gone_is_no_matter_while_another_output_has_it(api):
    api.open()
    sha256 = api.fed("a.jpg", seed="twin")
    api.work()
    evict(api, sha256)
    api.open()
    api.fed("b.jpg", seed="twin")
    api.work()
    outputs = api.outputs()
    assert outputs["a.png"] == outputs["b.png"]
    assert api.bills == {sha256: 1}
    assert api.content(sha256).state is CUT
    (_, news) = api.ears.pictures
    assert (news.same_as, news.size_px, news.format) == (b"a.jpg", (48, 32), "PNG")


@pytest.mark.parametrize("fate", ["edited", "removed", "a link", "of other options"])
def test_a_cutout_that_is_gone_is_not_bought_again_unasked(api, fate):
    api.open()
    sha256 = api.fed("a.jpg", seed="twin")
    api.work()
    evict(api, sha256)
    output = api.outbox / "a.png"
    if fate == "edited":
        output.write_bytes(TEXT)
    elif fate != "of other options":
        output.rename(api.root / "away.png")
        if fate == "a link":
            output.symlink_to(api.root / "away.png")
    api.open(**({"w": "24"} if fate == "of other options" else {}))
    api.fed("b.jpg", seed="twin")
    api.work()
    content = api.content(sha256)
    assert (content.state, content.code) == (PARKED, "cutout_lost")
    assert (api.row("a.jpg").state, api.row("b.jpg").state) == (DONE, WAITING)
    assert len(api.sent) == 1
    resolve(api.parts.ledger, [], again=True, force=False)
    api.work()
    assert api.bills == {sha256: 2}
    evict(api, sha256)
    for path in api.outbox.glob("*.png"):
        path.unlink()
    api.open(**({"w": "24"} if fate == "of other options" else {}))
    api.fed("c.jpg", seed="twin")
    api.work()
    decided = resolve(api.parts.ledger, [], again=True, force=False)
    assert decided.refused  # there are never three without force
    api.work()
    assert len(api.sent) == 2


def test_a_free_engine_makes_a_cutout_that_is_gone_anew(station, scripted):
    scripted.paid = False
    station.open()
    sha256 = station.fed("a.jpg", seed="twin")
    station.work()
    evict(station, sha256)
    (station.outbox / "a.png").unlink()
    station.open()
    station.fed("b.jpg", seed="twin")
    station.work()
    assert list(station.outputs()) == ["b.png"]
    assert len(scripted.calls) == 2


@pytest.mark.parametrize("damage", ["cut short", "zeros", "nothing", "text"])
def test_a_kept_cutout_that_the_disk_has_damaged_holds_up_nobody(api, damage):
    api.open()
    sha256 = api.fed("a.jpg")
    api.work()
    path = api.parts.spool._place_of(sha256)
    whole = path.read_bytes()
    half = whole[: len(whole) // 2]
    path.write_bytes(
        {"cut short": half, "zeros": half + bytes(len(half)), "nothing": b"", "text": TEXT}[damage]
    )
    before = api.outputs()
    api.open(w="24")
    api.fed("b.jpg")
    api.work()
    assert api.content(sha256).state is PARKED
    assert api.parts.gate.state.kind == "open"
    assert api.outputs()["a.png"] == before["a.png"]
    assert size_of(api.outputs()["b.png"]) == (24, 16)


@pytest.mark.parametrize(("alpha", "coverage"), [(0, 0.0), (255, 1.0)])
def test_an_empty_and_a_full_mask_are_published_and_flagged(station, scripted, alpha, coverage):
    station.open()
    station.fed("cat.jpg")
    scripted.script[1] = filled(alpha)
    station.work()
    assert list(station.outputs()) == ["cat.png"]
    (news,) = station.ears.pictures
    assert (news.status, news.coverage) == ("published", coverage)
    assert len(news.warnings) == 1
    note = json.loads(Path(os.fsdecode(news.note)).read_text())
    assert (note["source"], note["output"]) == ("cat.jpg", "cat.png")
    assert note["warnings"] == list(news.warnings)


def test_of_names_that_come_before_it_each_is_said_to_be_the_same_as_the_first(station):
    station.open()
    for name in ("z.jpg", "a.jpg", "b.jpg"):
        station.feed(name, seed="twin")
    station.find("z.jpg")
    station.work()
    station.find("a.jpg", "b.jpg")
    station.work()
    first, *others = station.ears.pictures
    assert (first.source, first.same_as) == (b"z.jpg", None)
    assert len(others) == 2
    assert all(news.same_as not in {None, news.source} for news in others)


def test_a_flag_is_taken_back_when_a_better_picture_takes_the_name(station, scripted):
    station.open()
    station.fed("cat.jpg", seed="old")
    scripted.script[1] = filled(0)
    station.work()
    assert find_warned(station.outbox, most=1).count == 1
    station.fed("cat.jpg", seed="new")
    station.work()
    assert list(station.outputs()) == ["cat.png"]
    assert find_warned(station.outbox, most=1).count == 0


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_note_stays_as_long_as_the_picture_that_failed_lies_beside_it(
    station, scripted, is_moved
):
    failed = {"failed": str(station.root / "failed")} if is_moved else {}
    station.open(**failed)
    bad = station.feed("cat.jpg", seed="bad")
    station.find("cat.jpg")
    scripted.script[1] = REFUSED
    station.work()
    note = Path(station.ears.pictures[-1].note)
    station.fed("cat.jpg", seed="good")
    station.work()
    assert station.ears.statuses == {"failed": 1, "published": 1}
    assert note.exists() is is_moved
    if is_moved:
        assert Path(json.loads(note.read_text())["original"]).read_bytes() == bad


def test_an_ordinary_cutout_is_not_flagged(station):
    station.open()
    station.fed("cat.jpg")
    station.work()
    (news,) = station.ears.pictures
    assert (news.warnings, news.note) == ((), None)
    assert not (station.outbox / ".rembg-plugins" / "warnings").exists()


def test_a_flag_that_cannot_be_written_is_tried_again(station, scripted):
    station.open()
    station.fed("cat.jpg")
    scripted.script[1] = filled(0)
    flag = station.outbox / ".rembg-plugins" / "warnings" / "cat.png.warning.json"
    (flag / "in the way").mkdir(parents=True)
    station.work()
    assert station.ears.pictures == []
    assert station.row("cat.jpg").state is READY
    (flag / "in the way").rmdir()
    flag.rmdir()
    station.clock.now += 31
    station.work()
    (news,) = station.ears.pictures
    assert (news.status, news.credits) == ("published", 1)
    assert flag.is_file()
    assert list(station.outputs()) == ["cat.png"]


@pytest.mark.parametrize(
    ("wish", "left"), [("keep", {"a/cat.jpg"}), ("move", {"done/a/cat.jpg"}), ("delete", set())]
)
def test_originals_are_kept_moved_or_deleted(station, wish, left):
    station.open(originals=wish)
    content = station.feed("a/cat.jpg")
    station.find("a/cat.jpg")
    station.work()
    assert list(station.outputs()) == ["a/cat.png"]
    assert station.originals() == dict.fromkeys(left, content)
    row = station.row("a/cat.jpg")
    assert (row and row.state) == (DONE if wish == "keep" else None)


def published_only(station, name):
    """Have an output written, and nothing done about its original."""
    workers = station.parts.workers
    sha256 = station.fed(name)
    workers.sender.send(workers._take_content())
    del workers.sending[sha256]
    assert workers.publisher.publish(station.row(name))
    assert station.row(name).state is PUBLISHED


@pytest.mark.parametrize("fate", ["removed", "edited", "cut short"])
@pytest.mark.parametrize("wish", ["move", "delete"])
def test_an_original_stays_until_its_output_can_be_read_back(station, scripted, wish, fate):
    station.open(originals=wish)
    published_only(station, "cat.jpg")
    output = station.outbox / "cat.png"
    whole = output.read_bytes()
    if fate == "removed":
        output.unlink()
    else:
        output.write_bytes(TEXT if fate == "edited" else whole[:-20])
    station.work()
    assert "cat.jpg" in station.originals()
    assert station.row("cat.jpg").state is READY
    ((text, facts),) = station.ears.notes
    assert "output is gone" in text
    assert facts == {"source": b"cat.jpg"}
    station.clock.now += 31
    station.work()
    assert whole in station.outputs().values()
    assert "cat.jpg" not in station.originals()
    assert len(scripted.calls) == 1


@pytest.mark.parametrize("wish", ["move", "delete"])
def test_an_original_that_was_changed_meanwhile_stays(station, scripted, wish):
    station.open(originals=wish)
    published_only(station, "cat.jpg")
    new = station.feed("cat.jpg", seed="new")
    station.work()
    assert station.originals() == {"cat.jpg": new}
    assert station.row("cat.jpg") is None
    station.find("cat.jpg")
    station.work()
    assert len(scripted.calls) == 2
    assert cutout(new) in station.outputs().values()


def test_a_name_that_got_other_bytes_while_it_was_published_gets_both_right(station, scripted):
    parts = station.open()
    publisher, door = parts.workers.publisher, Door()

    class Slow:
        """Names that take their time."""

        template = publisher.naming.template

        def names(self, *arguments, naming=publisher.naming):
            door()
            return naming.names(*arguments)

    station.fed("cat.jpg", seed="old")
    publisher.naming = Slow()
    worker = threading.Thread(target=station.work)
    worker.start()
    door.until_reached()
    new = station.feed("cat.jpg", seed="new")
    station.find("cat.jpg")
    door.open()
    worker.join(PATIENCE_S)
    assert not worker.is_alive()
    station.work()
    assert len(scripted.calls) == 2
    assert station.outputs() == {"cat.png": cutout(new)}
    assert station.row("cat.jpg").state is DONE
    assert station.ears.statuses == {"published": 2}


def test_a_name_that_vanished_while_it_was_published_leaves_its_output(station):
    parts = station.open()
    station.fed("cat.jpg")
    publisher, naming = parts.workers.publisher, parts.workers.publisher.naming

    class Vanishing:
        template = naming.template

        def names(self, place, *arguments):
            (station.inbox / "cat.jpg").unlink()
            parts.ledger.paths.forget([place])
            return naming.names(place, *arguments)

    publisher.naming = Vanishing()
    station.work()
    assert list(station.outputs()) == ["cat.png"]
    assert station.row("cat.jpg") is None
    assert parts.workers.problem is None


def test_only_a_few_outputs_are_kept_in_memory(station):
    parts = station.open()
    for number in range(9):
        station.fed(f"{number}.jpg", photo(number))
    station.work()
    assert len(parts.workers.publisher._made) <= 4


def test_all_that_decides_what_an_output_is_makes_another_recipe(station):
    recipes = {
        station.open(**arguments).workers.publisher.recipe
        for arguments in ({}, {"w": "9"}, {"h": "9"}, {"format": "WEBP"}, {"name": "{sha8}.{ext}"})
    }
    assert len(recipes) == 5
    assert station.open().workers.publisher.recipe in recipes
