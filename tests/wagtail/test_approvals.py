from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django_site.photographs import encode, photograph, upload

from rembg_plugins.wagtail.approvals import approve
from rembg_plugins.wagtail.models import Approval

pytestmark = pytest.mark.django_db


def test_the_first_who_approves_a_picture_is_written_down_until_it_is_replaced(counted):
    image = upload()
    approve([image], who="anna")
    first = Approval.objects.get()
    approve([image], who="bert")
    again = Approval.objects.get()
    assert (again.who, again.given) == ("anna", first.given)
    image.file = ContentFile(encode(photograph(seed=9)), "other.jpg")
    image.save()
    approve([image], who="bert")
    anew = Approval.objects.get()
    assert anew.who == "bert"
    assert anew.given > first.given
