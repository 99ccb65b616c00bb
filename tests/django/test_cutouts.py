from __future__ import annotations

import pytest
from core.pictures import encoded

from rembg_plugins.core.errors import CutoutPendingError
from rembg_plugins.core.options import Options
from rembg_plugins.django import cutouts
from rembg_plugins.django.models import Call
from rembg_plugins.django.purpose import Purpose

pytestmark = pytest.mark.django_db


def test_a_picture_is_paid_for_once_whatever_is_made_of_it(counted):
    photo = encoded("JPEG")
    assert not cutouts.is_ready(photo)
    first = cutouts.remove(photo, Options(format="PNG"), purpose=Purpose(picture="a.jpg", who="me"))
    second = cutouts.remove(photo, Options(format="PNG", w=5, mask=True))
    assert (len(counted.calls), first.billed, second.billed) == (1, True, False)
    assert (first.image.mode, second.image.mode) == ("RGBA", "L")
    assert cutouts.is_ready(photo)
    call = Call.objects.get()
    assert (call.picture, call.who, call.credits, call.outcome) == ("a.jpg", "me", 1, "done")


def test_where_nothing_may_be_spent_only_the_store_is_asked(counted):
    photo = encoded("JPEG")
    with pytest.raises(CutoutPendingError):
        cutouts.remove(photo, may_spend=False)
    assert counted.calls == []
    cutouts.remove(photo)
    cutouts.remove(photo, may_spend=False)
    assert len(counted.calls) == 1
