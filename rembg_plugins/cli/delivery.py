"""Results into files or standard output; what was paid for is never thrown away."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from rembg_plugins.cli.targets import Target
    from rembg_plugins.core.result import Result


class Delivery:
    """Writes results.

    Args:
        stdout: Standard output, as bytes.
    """

    def __init__(self, stdout: BinaryIO) -> None:
        """Nothing is written yet."""
        self._stdout = stdout

    def deliver(self, result: Result, target: Target) -> None:
        """Write a result to where it belongs, whole or not at all.

        Raises:
            OSError: It could not be written.
            ValidationError: The name is one for another format.
        """
        if target.output is None:
            self._stdout.write(result.content)
            self._stdout.flush()
            return
        target.output.parent.mkdir(parents=True, exist_ok=True)
        result.save(target.output)

    def rescue(self, result: Result) -> str | None:
        """Keep a picture that was paid for in the folder for temporary files.

        Returns:
            Its path; None where nothing was paid, or there is no room there either.
        """
        if result.billed is False:
            return None
        with contextlib.suppress(OSError):
            descriptor, path = tempfile.mkstemp(prefix="rembg-rescued-", suffix=result.extension)
            with os.fdopen(descriptor, "wb") as file:
                file.write(result.content)
            return path
        return None
