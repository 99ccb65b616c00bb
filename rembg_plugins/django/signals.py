"""What others may want to know."""

from __future__ import annotations

from django.dispatch import Signal

cutout_forgotten = Signal()
"""A person had the cut-out of a picture forgotten: what was made of it is out of date.

The sender is the model whose object has the picture, and ``instance`` the object; both are None
for a file that belongs to none.
"""

cutout_ready = Signal()
"""A task has seen to it that the cut-out of a picture is in the store: pages may show it now.

The sender is the model; ``instance`` is the object, as it was read for the task, ``label`` and
``pk`` name it (``"shop.product"``, ``"12"``), ``field`` is that of the picture, and ``profile``
what was asked for, or an empty text. It may come more than once for one picture.
"""
