"""What others may want to know."""

from __future__ import annotations

from django.dispatch import Signal

cutout_forgotten = Signal()
"""A person had the cut-out of a picture forgotten: what was made of it is out of date.

The sender is the model whose object has the picture, and ``instance`` the object; both are None
for a file that belongs to none.
"""
