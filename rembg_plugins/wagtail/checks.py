"""What ``manage.py check`` says of a site with cut-outs."""

from __future__ import annotations
