"""What must be true of a trial, whatever happened in it.

Every picture has its output, or is named as failed or parked; every output is the cut-out of the
bytes it belongs to, to the pixel; nothing else lies in OUTBOX; nothing is gone from INBOX without
an output; and no content was paid for more often than is allowed.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter

from PIL import Image, ImageChops, ImageDraw


def decoded(content):
    """The pixels of an encoded picture, or None where it cannot be decoded to its end."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return picture.copy()
    except (OSError, SyntaxError, ValueError):
        return None


def is_cut_out(output, content):
    """Whether an output is the oval out of a picture, which is how the sandbox answers."""
    ours, source = decoded(output), decoded(content)
    if ours is None or source is None or ours.mode != "RGBA" or ours.size != source.size:
        return False
    oval = Image.new("L", source.size, 0)
    ImageDraw.Draw(oval).ellipse((0, 0, oval.width - 1, oval.height - 1), fill=255)
    if ImageChops.difference(ours.getchannel("A"), oval).getbbox() is not None:
        return False
    apart = ImageChops.difference(ours.convert("RGB"), source.convert("RGB"))
    return Image.composite(apart, Image.new("RGB", apart.size), oval).getbbox() is None


def named(name, *, extension=b"png"):
    """The output of a name, where no other one wants the same."""
    return name.rpartition(b".")[0] + b"." + extension


def check(trial, *, names=None, excused=(), bills=1, doubtful=2, in_doubt=None, left=0):
    """Check a trial at its end.

    Args:
        trial: It.
        names: The output of each name; by default that of the plain rule.
        excused: Names that may have failed or be parked, if they are named as such.
        bills: How often a content may have been paid for.
        doubtful: The same, where a call for it was in doubt.
        in_doubt: How many contents may have been paid for more than ``bills`` times; all of
            them where None.
        left: How many may have neither, as work that is left.
    """
    outputs, names = trial.outputs(), names or {name: named(name) for name in trial.fed}
    known = named_ones(trial)
    missing = []
    for name, content in trial.fed.items():
        output = outputs.pop(names[name], None)
        if output is not None:
            assert is_cut_out(output, content), f"the output of {name!r} is wrong"
        elif name not in known or name not in excused:
            missing.append(name)
    assert len(missing) <= left, f"neither an output nor named: {missing}; named: {known}"
    assert not outputs, f"outputs of no picture: {sorted(outputs)}"
    check_bills(trial, bills=bills, doubtful=doubtful, in_doubt=in_doubt)


def named_ones(trial):
    """The names that the ledger tells a person about: failed, and parked."""
    status = trial.ledger("status")
    return {
        os.fsencode(one["source"]): one for kind in ("failed", "parked") for one in status[kind]
    }


def check_bills(trial, *, bills=1, doubtful=2, in_doubt=None):
    """No content was paid for more often than is allowed; none that was never fed at all."""
    billed = trial.bills
    over = {digest: count for digest, count in billed.items() if count > bills}
    assert all(count <= doubtful for count in over.values()), f"paid too often: {over}"
    assert in_doubt is None or len(over) <= in_doubt, f"paid twice without doubt: {over}"
    fed = {hashlib.sha256(content).hexdigest() for content in trial.fed.values()}
    assert set(billed) <= fed, "something was paid for that was never fed"


def bills(trial):
    """How many contents were paid for once, twice, ..."""
    return Counter(trial.bills.values())
