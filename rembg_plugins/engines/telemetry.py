"""What onnxruntime would tell its makers, and does not: nothing leaves the machine."""

from __future__ import annotations

import os

_SWITCH = "ORT_DISABLE_TELEMETRY"


def turn_off() -> None:
    """Have onnxruntime send nothing; to be called before it is imported.

    Its builds for Linux, macOS and Windows send events over the network and keep a number of the
    device below the user's cache folder, unless this variable is set. A value that is there stays.
    Source: Privacy.md in onnxruntime 1.32; observed 2026-11: lookups of a telemetry host 30 s
    after the first inference.
    """
    os.environ.setdefault(_SWITCH, "1")
