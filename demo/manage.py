#!/usr/bin/env python3
"""The demo's commands; ``python demo/manage.py demo`` makes the shop and serves it."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
