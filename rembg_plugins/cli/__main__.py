"""``python -m rembg_plugins.cli`` is ``rembg-plugins``."""

from __future__ import annotations

from rembg_plugins.cli import main

main()
