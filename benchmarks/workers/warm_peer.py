"""Worker: cut-outs by the rembg library, with one session."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import rembg
from serving import serve


def main() -> None:
    """Serve the picture named by the first argument."""
    data = Path(sys.argv[1]).read_bytes()
    session = rembg.new_session("u2netp")

    def work() -> dict[str, Any]:
        return {"bytes": len(rembg.remove(data, session=session))}

    serve(work)


main()
