from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from rembg_plugins import remove
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.plugins import make_engine
from rembg_plugins.engines import local

pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
PHOTO = Path(__file__).parents[2] / "docs" / "images" / "rocket.jpg"


@pytest.fixture
def weights(tmp_path, monkeypatch):
    home = tmp_path / "models"
    home.mkdir()
    (home / "u2netp.onnx").write_bytes(
        (Path(local.__file__).parent / "weights" / "u2netp.onnx").read_bytes()
    )
    monkeypatch.setenv("U2NET_HOME", str(home))


def test_a_model_of_the_library_cuts_out_as_the_embedded_engine_does(weights):
    theirs = remove(PHOTO, engine="rembg:u2netp", format="PNG")
    ours = remove(PHOTO, engine="local", format="PNG")
    assert theirs.engine == "rembg:u2netp"
    assert theirs.image.mode == "RGBA"
    assert ImageChops.difference(theirs.image, ours.image).getextrema() == ((0, 0),) * 4


def test_its_version_names_the_model_and_the_library():
    engine = make_engine("rembg:u2netp", configure(environ={}))
    assert engine.version.startswith("u2netp-2.")


def test_an_unknown_model_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigurationError, match="no model 'u2nett'. Models: .*u2netp"):
        make_engine("rembg:u2nett", configure(environ={}))


def test_a_model_that_sends_pictures_away_is_refused():
    from rembg.sessions import sessions

    remote = [name for name, session in sessions.items() if not session.is_local()]
    assert remote, "the library has no such model any more: this refusal can go"
    for name in remote:
        with pytest.raises(ConfigurationError, match="does not run on this machine"):
            make_engine(f"rembg:{name}", configure(environ={}))


def test_a_model_that_gives_no_mask_of_the_pictures_size_is_refused(weights, monkeypatch):
    engine = make_engine("rembg:u2netp", configure(environ={}))
    monkeypatch.setattr(
        type(engine._loaded()), "predict", lambda self, image: [Image.new("L", (3, 3))]
    )
    with pytest.raises(ConfigurationError, match="gives no mask"):
        Adapter(engine).remove(PHOTO)


def test_weights_that_cannot_be_loaded_are_a_configuration_error(tmp_path, monkeypatch):
    (tmp_path / "u2netp.onnx").write_bytes(b"not a model")
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    engine = make_engine("rembg:u2netp", configure(environ={}))
    with pytest.raises(ConfigurationError, match="cannot be loaded.*U2NET_HOME"):
        Adapter(engine).remove(PHOTO)
