"""The models of the ``rembg`` library, as ``rembg:NAME``.

The library downloads a model's weights on first use, unless they lie in ``U2NET_HOME``.
Only models that run on this machine are offered: one that bills each picture would pass by the
money rules of this package.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import ImageChops

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.engines import telemetry
from rembg_plugins.engines.masking import abandon, cut_out

if TYPE_CHECKING:
    from PIL import Image

    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result


class RembgEngine:
    """One model of the ``rembg`` library; its session is made on first use.

    Args:
        model: The library's name of the model: ``u2net``, ``birefnet-general``, ...

    Raises:
        ConfigurationError: The library has no such model, or it does not run on this machine.
    """

    native_options = False
    paid = False

    def __init__(self, model: str) -> None:
        """Look the model up; nothing is loaded yet."""
        from importlib.metadata import version  # noqa: PLC0415 - only where the library is used

        self.name = f"rembg:{model}"
        self.version = f"{model}-{version('rembg')}"
        self._model = model
        self._class = _model_class(model)
        self._lock = threading.Lock()
        self._session: Any = None
        self._process = os.getpid()

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the full-size cut-out.

        Raises:
            ConfigurationError: The model cannot be loaded, or gives no mask of one subject.
        """
        del on_progress
        return cut_out(request, self._find_mask, engine=self.name, sink=sink)

    def _find_mask(self, pixels: Image.Image) -> Image.Image:
        masks: list[Image.Image] = self._loaded().predict(pixels)
        if not masks or any(mask.size != pixels.size for mask in masks):
            message = f"The model '{self._model}' gives no mask of the picture's size."
            raise ConfigurationError(message)
        whole = masks[0].convert("L")
        for mask in masks[1:]:
            whole = ImageChops.lighter(whole, mask.convert("L"))
        return whole

    def _loaded(self) -> Any:
        with self._lock:
            if self._process != os.getpid():
                abandon(self._session)
                self._session, self._process = None, os.getpid()
            if self._session is None:
                import rembg  # noqa: PLC0415 - takes a second, and exits where it has no backend

                try:
                    self._session = rembg.new_session(self._model)
                except Exception as problem:
                    message = (
                        f"The model '{self._model}' cannot be loaded: {problem}. "
                        "Put its file into the folder U2NET_HOME, or allow its download."
                    )
                    raise ConfigurationError(message) from problem
            return self._session


def _model_class(model: str) -> Any:
    telemetry.turn_off()
    from rembg.sessions import sessions  # noqa: PLC0415 - takes a second

    found = sessions.get(model)
    if found is None:
        message = (
            f"The rembg library has no model '{model}'. Models: {', '.join(sorted(sessions))}."
        )
        raise ConfigurationError(message)
    remote = not getattr(found, "is_local", lambda: True)()
    if remote or getattr(found, "has_usage_cost", lambda: False)():
        message = (
            f"The model '{model}' does not run on this machine; only local models are offered."
        )
        raise ConfigurationError(message)
    return found
