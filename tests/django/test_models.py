from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from rembg_plugins.django.models import Call, Window

pytestmark = pytest.mark.django_db


def test_a_call_is_named_by_its_picture_or_else_by_its_key():
    call = Call(engine="api 1", key="0123456789abcdef", outcome="done")
    assert str(call) == "0123456789ab (api 1, done)"
    call.picture = "a.jpg"
    assert str(call) == "a.jpg (api 1, done)"


def test_calls_are_listed_newest_first():
    for minutes in (5, 9, 1):
        moment = timezone.now() - timedelta(minutes=minutes)
        Call.objects.create(began=moment, hour="", key=str(minutes))
    assert [call.key for call in Call.objects.all()] == ["1", "5", "9"]


def test_a_window_says_how_much_is_reserved():
    assert str(Window(name="day 2026-11-28", reserved=5)) == "day 2026-11-28: 5"


def test_there_is_no_permission_to_change_anything():
    names = Permission.objects.filter(content_type__app_label="rembg")
    assert set(names.values_list("codename", flat=True)) == {"view_call"}


def test_nothing_of_a_site_s_own_is_referred_to():
    for model in (Call, Window):
        assert not [field for field in model._meta.get_fields() if field.is_relation]
