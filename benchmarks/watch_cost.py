"""What a picture of 5 MB costs the watcher in processor time, by where that goes.

The watcher's own share is measured with bytes that are many and pixels that are few, so that no
decoder counts: a JPEG of 5 MB, and an answer of 3 MB from a stub of an engine in the watcher's
process, which is published as it is. The same is sent by the client to a stub of the API in
another process; and a photo of 12 MP with its real answer shows what it takes to look at a mask.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import children
import measure
import peers
import pictures
import watching
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEFORE, _COUNT = 5, 40  # pictures that are not counted, and that are
_MANY, _FEW = 65, 5
_LARGE, _ANSWER = 5_000_000, 3_000_000  # bytes
_TINY = (64, 48)  # px
_PATIENCE_S = 60.0
_LOOK_S = 0.01
_QUIET_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is fed, and who answers.

    Attributes:
        picture: The bytes of each picture, but for a few behind its end.
        options: Of the watcher.
        env: Its environment.
    """

    picture: bytes
    options: tuple[str, ...]
    env: Mapping[str, str]


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    arguments = measure.parser(__doc__, runs=7).parse_args()
    with tempfile.TemporaryDirectory() as name, _scenes(Path(name)) as scenes:
        own, uploaded, decoded = scenes
        # The first run gets fresh memory from the system, which a virtual machine pays for.
        _landing(own, Path(name))
        alone, at_once, sent, photo = measure.interleave(
            arguments.runs,
            partial(_landing, own, Path(name)),
            partial(_at_once, own, Path(name)),
            partial(_landing, uploaded, Path(name)),
            partial(_landing, decoded, Path(name)),
        )
    what = "a picture of 5 MB, same format out"
    rows = [
        _row(f"{what}, landing alone: ms of CPU of its own", alone, at_most=15),
        _row(f"the same, {_MANY} that lay there", at_once, at_most=15),
        _row("landing alone, and the upload by the client", sent),
        _row("landing alone, 12 MP and the look at the mask", photo),
    ]
    measure.finish(rows, as_json=arguments.json)


def _row(what: str, figures: list[float], *, at_most: float | None = None) -> measure.Row:
    return measure.Row(what=what, against="", figures=tuple(figures), at_most=at_most)


@contextlib.contextmanager
def _scenes(folder: Path) -> Iterator[tuple[Scene, Scene, Scene]]:
    """Its own share alone; with the client's; with the decoder's."""
    tiny = Image.linear_gradient("L").resize(_TINY)
    jpeg = _padded(_encoded(tiny.convert("RGB"), "JPEG"), _LARGE)
    cut_out = tiny.convert("RGB")
    cut_out.putalpha(watching.oval(_TINY))
    small, large = folder / "small.png", folder / "large.png"
    small.write_bytes(_padded(_encoded(cut_out, "PNG"), _ANSWER))
    pictures.make(folder, "local")
    photo = (folder / "coffee-12mp.jpg").read_bytes()
    with Image.open(io.BytesIO(photo)) as picture:
        picture.putalpha(watching.oval(picture.size))
        picture.resize((200, 150)).resize(picture.size).save(large, compress_level=6)
    _make_plugin(folder / "plugin")
    with peers.stub(small) as url:
        yield (
            _stubbed(jpeg, small),
            Scene(
                picture=jpeg,
                options=(),
                env={"REMBG_API_URL": url, "REMBG_API_KEY": "key", "REMBG_RATE": "off"},
            ),
            _stubbed(_padded(photo, _LARGE), large),
        )


def _stubbed(picture: bytes, answer: Path) -> Scene:
    env = {"PYTHONPATH": str(answer.parent / "plugin"), "STUB_ANSWER": str(answer)}
    return Scene(picture=picture, options=("--engine", "stub"), env=env)


def _encoded(picture: Image.Image, format_: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_)
    return buffer.getvalue()


def _padded(content: bytes, length: int) -> bytes:
    """Bytes behind a picture's end are no fault; random ones, since zeros look unfinished."""
    dice = random.Random(length)  # noqa: S311 - filling
    return content + dice.randbytes(max(0, length - len(content)))


def _make_plugin(folder: Path) -> None:
    facts = folder / "stub_plugin-1.0.dist-info"
    facts.mkdir(parents=True)
    shutil.copy(peers.worker("stub_plugin.py"), folder)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: stub-plugin\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[rembg_plugins]\nstub = stub_plugin\n")


def _landing(scene: Scene, folder: Path) -> float:
    """Milliseconds of processor time for a picture, each landing when the last is published."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        stage = _fill(root / "stage", scene, _BEFORE + _COUNT)
        (root / "in").mkdir()
        process = subprocess.Popen(
            _command(scene, root), env=_environment(scene), cwd=root, stdout=subprocess.DEVNULL
        )
        try:
            for number in range(_BEFORE):
                _land(stage, root, number)
            time.sleep(_QUIET_S)
            before = watching.cpu_of(process.pid)
            for number in range(_BEFORE, _BEFORE + _COUNT):
                _land(stage, root, number)
            time.sleep(_QUIET_S)
            return 1000 * (watching.cpu_of(process.pid) - before) / _COUNT
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _at_once(scene: Scene, folder: Path) -> float:
    """The same where all lie there at the start, which is taken off by a second, shorter run."""
    few, many = (_all_of(count, scene, folder) for count in (_FEW, _MANY))
    return 1000 * (many - few) / (_MANY - _FEW)


def _all_of(count: int, scene: Scene, folder: Path) -> float:
    """Seconds of processor time for so many pictures, start-up included."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        _fill(root / "in", scene, count)
        used = children.run([*_command(scene, root), "--once"], env=_environment(scene), cwd=root)
        made = len(list((root / "out").glob("*.png")))
        if made != count:
            message = f"{made} of {count} outputs"
            raise RuntimeError(message)
        return used.cpu


def _fill(folder: Path, scene: Scene, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        # Bytes behind a picture's end make it another one.
        content = scene.picture + f"{folder} {number}".encode()
        (folder / f"{number}.jpg").write_bytes(content)
    return folder


def _land(stage: Path, root: Path, number: int) -> None:
    """Let a picture land, and wait for its output."""
    (stage / f"{number}.jpg").rename(root / "in" / f"{number}.jpg")
    end = time.monotonic() + _PATIENCE_S
    while not (root / "out" / f"{number}.png").exists():
        if time.monotonic() > end:
            message = f"picture {number} was never published"
            raise RuntimeError(message)
        time.sleep(_LOOK_S)


def _command(scene: Scene, root: Path) -> list[str]:
    folders = [str(root / "in"), str(root / "out"), "--state", str(root / "state")]
    options = ["--yes", "--format", "PNG", "--jobs", "1", *scene.options]
    return [sys.executable, "-m", "rembg_plugins.cli", "watch", *folders, *options]


def _environment(scene: Scene) -> dict[str, str]:
    return children.environment(**scene.env)


if __name__ == "__main__":
    main()
