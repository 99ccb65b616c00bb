"""An engine that gives the file ``STUB_ANSWER`` for every picture, at once, and is paid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rembg_plugins import Result, hookimpl

if TYPE_CHECKING:
    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.plugins import Register
    from rembg_plugins.core.request import Request


class StubEngine:
    """Answers as the API would, without a network."""

    name = "stub"
    version = "1"
    native_options = False
    paid = True

    def __init__(self) -> None:
        """Read the answer."""
        self._answer = Path(os.environ["STUB_ANSWER"]).read_bytes()

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the answer."""
        del request, on_progress
        if sink is not None:
            sink.write(self._answer)
        return Result.from_bytes(self._answer, engine=self.name, sent="all", billed=True)


@hookimpl
def rembg_register_engines(register: Register) -> None:
    """Offer ``stub``."""
    register("stub", lambda _configuration, _variant: StubEngine(), summary="For benchmarks.")
