"""The side of a worker: one line of JSON in, one line out, with wall and processor time."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def serve(work: Callable[..., dict[str, Any] | None]) -> None:
    """Do tasks until standard input ends; each answer has ``wall`` and ``cpu``, in s."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        extra = work(**task) or {}
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(spent | extra), flush=True)
