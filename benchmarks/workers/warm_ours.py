"""Worker: cut-outs by the embedded engine, and the inference in them alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from serving import serve

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.engines import local

_INPUT = np.random.default_rng(0).standard_normal((1, 3, 320, 320)).astype(np.float32)


def main() -> None:
    """Serve the picture named by the first argument."""
    data = Path(sys.argv[1]).read_bytes()
    adapter = Adapter(local.LocalEngine())
    session = local._session()  # noqa: SLF001 - the very session that the engine uses
    names = [session.get_outputs()[0].name], session.get_inputs()[0].name

    def work(*, format: str | None) -> dict[str, Any]:
        if format is None:
            session.run(names[0], {names[1]: _INPUT})
            return {}
        return {"bytes": len(adapter.remove(data, format=format).content)}

    serve(work)


main()
