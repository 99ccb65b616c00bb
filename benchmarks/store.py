"""What the store of cut-outs takes on disk, against the cut-outs as PNG.

Three photos of 12 MP, cut out by the embedded engine; every byte in the store's folder counts.
``--runs`` changes nothing here: the bytes are the same each time.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import measure
import pictures

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.store import open_store
from rembg_plugins.engines.local import LocalEngine


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    arguments = measure.parser(__doc__, runs=1).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures.make(folder, "local")
        rows = [_row(folder, photo) for photo in ("chelsea", "coffee", "rocket")]
    measure.finish(rows, as_json=arguments.json)


def _row(folder: Path, photo: str) -> measure.Row:
    kept = folder / f"store-{photo}"
    adapter = Adapter(LocalEngine(), store=open_store(f"file:{kept}"))
    result = adapter.remove(folder / f"{photo}-12mp.jpg", format="PNG")
    stored = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    small = io.BytesIO()
    result.image.save(small, "PNG")  # Pillow's usual level packs closer than ours does
    png = min(len(result.content), small.tell())
    return measure.Row(
        what=f"store, 12 MP picture ({photo}): bytes",
        against="its PNG cut-out",
        figures=(stored / png,),
        at_most=0.1,
        absolute=f"{stored / 1000:.0f} kB : {png / 1000:.0f} kB",
    )


if __name__ == "__main__":
    main()
