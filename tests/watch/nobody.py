"""A person who may not do everything, for tests that may run as one who may."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_NOBODY = 65_534


class Nobody:
    """Within ``with``, this process has no more rights than a stranger.

    Attributes:
        folder: A real folder that strangers may enter.
    """

    def __init__(self):
        self.folder = Path(os.path.realpath(tempfile.mkdtemp()))
        self.folder.chmod(0o755)
        self._was = os.geteuid()

    def __enter__(self):
        if self._was == 0:
            os.seteuid(_NOBODY)
        return self

    def __exit__(self, *_):
        os.seteuid(self._was)

    def remove(self):
        for path in self.folder.rglob("*"):
            path.chmod(0o755)
        shutil.rmtree(self.folder)
