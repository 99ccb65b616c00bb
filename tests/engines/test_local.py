from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageOps

from rembg_plugins import remove, validate
from rembg_plugins.engines import local
from rembg_plugins.engines.local import LocalEngine, find_mask

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PHOTOS = ("chelsea.png", "coffee.png", "rocket.jpg")


def photo(name):
    with Image.open(IMAGES / name) as image:
        image.load()
    return image


def variants():
    """Photographs, sizes, modes and orientations that a mask may depend on."""
    for name in PHOTOS:
        yield name, photo(name)
    yield "enlarged", photo("coffee.png").resize((1500, 1000))
    yield "tall", photo("rocket.jpg").resize((90, 700))
    yield "tiny", photo("rocket.jpg").resize((7, 5))
    yield "one pixel", photo("rocket.jpg").resize((1, 1))
    yield "grey", photo("chelsea.png").convert("L")
    yield "palette", photo("chelsea.png").quantize(32)
    yield "alpha", _with_alpha(photo("coffee.png"))
    yield "black", Image.new("RGB", (64, 48), "black")
    for orientation in range(2, 9):
        yield f"orientation {orientation}", _turned(photo("rocket.jpg"), orientation)


def _with_alpha(image):
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def _turned(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    return Image.open(file)


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """The rembg library's session for the very weights that we ship."""
    home = tmp_path_factory.mktemp("u2net")
    weights = Path(local.__file__).parent / "weights" / "u2netp.onnx"
    (home / "u2netp.onnx").write_bytes(weights.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("U2NET_HOME", str(home))
        import rembg

        yield rembg.new_session("u2netp")


@pytest.mark.peer
@pytest.mark.parametrize(("label", "image"), list(variants()), ids=lambda value: str(value)[:20])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of the peer, on a flat mask
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
def test_masks_equal_the_rembg_librarys_to_the_last_bit(label, image, peer):
    import rembg

    theirs = rembg.remove(image.copy(), session=peer, only_mask=True)
    ours = find_mask(ImageOps.exif_transpose(image).convert("RGB"))
    assert ours.size == theirs.size
    assert ImageChops.difference(ours, theirs).getextrema() == (0, 0)


@pytest.mark.peer
def test_the_whole_path_gives_the_same_mask(peer):
    import rembg

    turned = _turned(photo("rocket.jpg"), 6)
    ours = remove(turned, engine="local", mask=True, format="PNG").image
    theirs = rembg.remove(turned, session=peer, only_mask=True)
    assert ours.size == theirs.size == (427, 640)
    assert ImageChops.difference(ours, theirs).getextrema() == (0, 0)


def test_a_cat_is_cut_out_of_its_photograph():
    result = remove(IMAGES / "chelsea.png", engine="local", format="PNG")
    assert (result.format, result.mode, result.size) == ("PNG", "RGBA", (451, 300))
    assert (result.engine, result.sent, result.billed) == ("local", "nothing", False)
    alpha = np.asarray(result.image.getchannel("A"))
    assert alpha[150, 220] > 250, "the nose"
    assert alpha[5, 440] < 10, "the wall"
    assert 0.5 < result.coverage < 0.9
    assert result.warnings == ()
    pixels = np.asarray(result.image)[alpha > 0][:, :3]
    assert (pixels == np.asarray(photo("chelsea.png").convert("RGB"))[alpha > 0]).all()


def test_alpha_that_is_there_already_is_multiplied_in():
    image = _with_alpha(photo("coffee.png"))
    ours = remove(image, engine="local", format="PNG").image.getchannel("A")
    mask = find_mask(image.convert("RGB"))
    assert ImageChops.difference(
        ours, ImageChops.multiply(mask, image.getchannel("A"))
    ).getextrema() == (0, 0)


def test_the_session_is_made_once_for_all_threads(monkeypatch):
    made = []
    real = local._open_session
    monkeypatch.setattr(local._Shared, "session", None)
    monkeypatch.setattr(local, "_open_session", lambda: made.append(1) or real())
    image = photo("rocket.jpg")
    expected = find_mask(image).tobytes()
    masks = []
    threads = [threading.Thread(target=lambda: masks.append(find_mask(image))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert [mask.tobytes() for mask in masks] == [expected] * 6


FORK = """
import os, sys
from PIL import Image
from rembg_plugins import remove

def mask():
    image = Image.linear_gradient("L").convert("RGB")
    return remove(image, engine=sys.argv[1], mask=True, format="PNG").image.tobytes()

expected = mask()
child = os.fork()
if child == 0:
    os._exit(mask() != expected)  # as multiprocessing ends its children
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("engine", ["local", pytest.param("rembg:u2netp", marks=pytest.mark.peer)])
def test_a_forked_child_makes_its_own_session(engine, tmp_path):
    weights = Path(local.__file__).parent / "weights" / "u2netp.onnx"
    (tmp_path / "u2netp.onnx").write_bytes(weights.read_bytes())
    environment = os.environ | {"U2NET_HOME": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", FORK, engine]
    done = subprocess.run(command, env=environment, timeout=120, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_sink_is_flushed_when_it_has_all_of_the_cut_out():
    class Sink(io.BytesIO):
        flushed = ()

        def flush(self):
            self.flushed += (self.tell(),)

    sink = Sink()
    result = LocalEngine().run(
        validate(photo("rocket.jpg").resize((64, 48))).full_size(), sink=sink
    )
    assert sink.flushed == (len(result.content),)


def test_the_sink_gets_the_full_size_cut_out():
    sink = io.BytesIO()
    request = validate(IMAGES / "rocket.jpg", w=40).full_size()
    result = LocalEngine().run(request, sink=sink)
    assert sink.getvalue() == result.content
    assert Image.open(sink).size == (640, 427)
