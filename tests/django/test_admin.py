from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission

from rembg_plugins.django.models import Call

pytestmark = pytest.mark.django_db

LIST = "/admin/rembg/call/"


def make(number=1, **changes):
    day = datetime(2026, 11, number, 12, tzinfo=UTC)
    facts = {"began": day, "hour": f"2026-11-{number:02}T12", "key": f"{number:064}", "credits": 1}
    facts |= {"picture": f"photo-{number}.jpg", "who": "me", "engine": "api 1", "outcome": "done"}
    return Call.objects.create(**{**facts, **changes})


def text_of(response):
    assert response.status_code == 200
    return response.content.decode()


def test_calls_are_listed_and_shown(admin_client):
    call = make()
    page = text_of(admin_client.get(LIST))
    assert "photo-1.jpg" in page
    assert "Sums by day" in page
    page = text_of(admin_client.get(f"{LIST}{call.pk}/change/"))
    assert f"{1:064}" in page
    assert '<input type="text"' not in page
    assert 'name="_save"' not in page


def test_an_empty_ledger_is_a_page_too(admin_client):
    assert "Sums by day" not in text_of(admin_client.get(LIST))


def test_even_a_superuser_adds_changes_and_deletes_nothing(admin_client):
    call = make()
    for url in ("add/", f"{call.pk}/delete/"):
        assert admin_client.get(f"{LIST}{url}").status_code == 403
        assert admin_client.post(f"{LIST}{url}", {"post": "yes"}).status_code == 403
    change = f"{LIST}{call.pk}/change/"
    assert admin_client.post(change, {"credits": 0, "forgiven": "on"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [call.pk], "post": "yes"}
    admin_client.post(LIST, chosen)
    call.refresh_from_db()
    assert (call.credits, call.forgiven) == (1, False)
    assert "delete_selected" not in text_of(admin_client.get(LIST))


def test_only_who_may_view_calls_sees_them(client, django_user_model):
    make()
    user = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    assert client.get(LIST).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_call"))
    assert "photo-1.jpg" in text_of(client.get(LIST))


@pytest.mark.parametrize("field", ["picture", "who", "engine", "error"])
def test_what_strangers_wrote_is_escaped(admin_client, field):
    call = make(**{field: "<script>alert(1)</script>"})
    for url in (LIST, f"{LIST}{call.pk}/change/", f"{LIST}?q=<script>alert(1)</script>"):
        page = text_of(admin_client.get(url))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_calls_can_be_searched_and_filtered(admin_client):
    make(1)
    make(2, outcome="in_doubt", engine="local x", error="APITimeoutError: none", key="f" * 64)
    for query, found in (
        ("q=photo-2", {2}),
        (f"q={'f' * 64}", {2}),
        ("q=APITimeoutError", {2}),
        ("q=me", {1, 2}),
        ("outcome__exact=in_doubt", {2}),
        ("engine=api+1", {1}),
        ("forgiven__exact=1", set()),
    ):
        page = text_of(admin_client.get(f"{LIST}?{query}"))
        listed = page.partition('id="result_list"')[2].partition("</table>")[0]
        assert {number for number in (1, 2) if f"photo-{number}.jpg" in listed} == found, query


def test_the_sums_are_of_what_is_listed(admin_client):
    make(1)
    make(1, outcome="failed", credits=0)
    make(2, outcome="in_doubt")
    days = admin_client.get(LIST).context_data["days"]
    assert [(day.name, day.credits, day.calls, day.failed, day.in_doubt) for day in days] == [
        ("2026-11-02", 1, 1, 0, 1),
        ("2026-11-01", 1, 2, 1, 0),
    ]
    days = admin_client.get(f"{LIST}?outcome__exact=done").context_data["days"]
    assert [(day.name, day.credits) for day in days] == [("2026-11-01", 1)]


def test_sums_are_of_the_latest_days_alone(admin_client):
    for number in range(1, 29):
        make(number)
    days = admin_client.get(LIST).context_data["days"]
    assert [day.name for day in days] == [f"2026-11-{number:02}" for number in range(28, 14, -1)]


def test_a_filter_that_makes_no_sense_is_no_error(admin_client):
    make()
    assert admin_client.get(f"{LIST}?credits__nonsense=1").status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_list(
    admin_client, django_assert_max_num_queries
):
    for number in range(1, 29):
        make(number)
    with django_assert_max_num_queries(8):
        admin_client.get(LIST)
