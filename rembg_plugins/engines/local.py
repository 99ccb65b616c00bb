"""The embedded engine: U2-NetP on onnxruntime, with neither key nor network.

Its masks are equal to those of the ``rembg`` library for the same weights, to the last bit,
with the orientation applied first: the network's input and output are computed by the same
steps in the same precision.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from rembg_plugins.engines import telemetry
from rembg_plugins.engines.masking import abandon, cut_out

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result

_INPUT = (320, 320)  # px, fixed by the network
_MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as in the network's training
_DEVIATION = (0.229, 0.224, 0.225)


class LocalEngine:
    """U2-NetP; one session a process, made on first use and shared by its threads."""

    name = "local"
    version = "u2netp-309c8469"  # the first digits of the weights' sha256
    native_options = False
    paid = False

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the full-size cut-out; nothing is sent, so no progress is reported."""
        del on_progress
        return cut_out(request, find_mask, engine=self.name, sink=sink)


def find_mask(pixels: Image.Image) -> Image.Image:
    """The mask of the salient subject: RGB, (w, h) px -> L, same size."""
    session = _session()
    (prediction,) = session.run([_output_name()], {_input_name(): _network_input(pixels)})
    values = prediction[0, 0]
    low, high = values.min(), values.max()
    if not high > low:
        return Image.new("L", pixels.size, 0)
    mask = Image.fromarray((((values - low) / (high - low)) * 255).astype("uint8"))
    return mask.resize(pixels.size, Image.Resampling.LANCZOS)


def _network_input(pixels: Image.Image) -> NDArray[np.float32]:
    """float32 (1, 3, 320, 320); in float64 on the way, as the peer does: equal masks need it."""
    small = np.array(pixels.resize(_INPUT, Image.Resampling.LANCZOS))
    scaled = small / max(float(small.max()), 1e-6)
    normal = (scaled - np.array(_MEAN)) / np.array(_DEVIATION)
    return np.asarray(normal.transpose(2, 0, 1)[np.newaxis], dtype=np.float32)


@cache
def _input_name() -> str:
    return str(_session().get_inputs()[0].name)


@cache
def _output_name() -> str:
    return str(_session().get_outputs()[0].name)


class _Shared:
    """The session of this process, and the lock under which it is made."""

    session: onnxruntime.InferenceSession | None = None
    lock = threading.Lock()


def _session() -> onnxruntime.InferenceSession:
    if _Shared.session is None:
        with _Shared.lock:
            if _Shared.session is None:
                _Shared.session = _open_session()
    return _Shared.session


def _open_session() -> onnxruntime.InferenceSession:
    telemetry.turn_off()
    import onnxruntime as ort  # noqa: PLC0415 - 60 ms that only inference has to wait for

    options = ort.SessionOptions()
    # The memory plan of the second run on takes 190 MB for nothing: 537 MB against 344 MB at
    # equal speed (measured on onnxruntime 1.32).
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    with as_file(files("rembg_plugins.engines") / "weights" / "u2netp.onnx") as path:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _forget_session() -> None:
    """A child process has the session but not its threads: it would wait for them for ever."""
    abandon(_Shared.session)
    _Shared.session = None
    _Shared.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_session)
