from __future__ import annotations

import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, RequestFactory
from django.urls import clear_script_prefix, reverse, set_script_prefix, set_urlconf
from django_site.gallery.models import GalleryPage
from django_site.photographs import rendered, upload
from wagtail.images.formats import FORMATS, FORMATS_BY_NAME, Format
from wagtail.images.models import Filter
from wagtail.log_actions import LogContext
from wagtail.models import Page, Site

from rembg_plugins.django.models import Call
from rembg_plugins.wagtail import spending
from rembg_plugins.wagtail.approvals import approve
from rembg_plugins.wagtail.errors import PendingError

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(counted):
    root = Page.objects.filter(depth=1).get()
    home = root.get_children().first()
    page = GalleryPage(title="A gallery", slug="gallery", photo=upload())
    home.add_child(instance=page)
    page.save_revision()
    assert Site.objects.filter(is_default_site=True, root_page=home).exists()
    return page


@pytest.fixture
def fields(page):
    return {
        "title": page.title,
        "slug": page.slug,
        "photo": page.photo_id,
        "body": json.dumps({"blocks": [], "entityMap": {}}),
        "comments-TOTAL_FORMS": 0,
        "comments-INITIAL_FORMS": 0,
    }


def test_a_visitors_view_is_paid_for_once(page, counted, client):
    for _ in range(2):
        response = client.get(page.url)
        assert b"removebg" in response.content
    assert len(counted.calls) == 1
    assert Call.objects.get().picture == f"wagtailimages.image:{page.photo_id}"


# Pitfall: each picture that an editor tries in a preview would be paid for.
@pytest.mark.parametrize("query", ["", "&own=1"])
def test_a_preview_spends_nothing_and_shows_what_there_is(
    page, fields, counted, admin_client, query
):
    url = reverse("wagtailadmin_pages:preview_on_edit", args=(page.pk,))
    assert admin_client.post(url, fields).json()["is_valid"]
    response = admin_client.get(f"{url}?mode=&in_preview_panel=true{query}")
    assert response.status_code == 200
    assert b"A gallery" in response.content
    assert counted.calls == []


def test_a_view_of_a_draft_spends_nothing(page, counted, admin_client):
    response = admin_client.get(reverse("wagtailadmin_pages:view_draft", args=(page.pk,)))
    assert response.status_code == 200
    assert b"not-found" in response.content
    assert counted.calls == []


@pytest.mark.parametrize("action", ["", "action-publish"])
def test_saving_by_hand_or_by_itself_spends_nothing(page, fields, counted, admin_client, action):
    url = reverse("wagtailadmin_pages:edit", args=(page.pk,))
    headers = {"accept": "application/json", "x-requested-with": "XMLHttpRequest"}
    response = admin_client.post(url, {**fields, action or "action": "1"}, headers=headers)
    assert response.status_code in {200, 302}
    assert counted.calls == []


# Pitfall: the admin renders its own pages after its views, outside of their log context.
def test_a_picture_in_rich_text_costs_nothing_in_the_editor(page, counted, admin_client):
    one = Format("cut", "Cut out", "cut", "removebg|width-60")
    FORMATS.append(one)
    FORMATS_BY_NAME["cut"] = one
    try:
        page.body = f'<embed embedtype="image" id="{page.photo_id}" format="cut" alt="A cup"/>'
        page.save_revision().publish()
        response = admin_client.get(reverse("wagtailadmin_pages:edit", args=(page.pk,)))
        assert response.status_code == 200
        assert b"not-found" in response.content
        assert counted.calls == []
        assert b"removebg.width-60" in admin_client.get(page.url).content
        assert len(counted.calls) == 1
    finally:
        FORMATS.remove(one)
        del FORMATS_BY_NAME["cut"]


# Pitfall: where the admin lies is not always known: a proxy or a URLconf may have moved it.
def test_a_view_of_the_admin_spends_nothing_wherever_it_lies(page, counted, admin_user):
    with LogContext(user=admin_user):
        html = rendered("{% image photo removebg width-40 %}", photo=page.photo)
    assert "not-found" in html
    assert counted.calls == []


def test_a_list_of_pictures_in_the_admin_spends_nothing(page, counted, admin_client):
    assert admin_client.get(reverse("wagtailimages:index")).status_code == 200
    assert counted.calls == []


def test_what_an_editor_sees_as_a_visitor_is_a_visitors_view(page, counted, admin_client):
    admin_client.get(reverse("wagtailadmin_home"))
    admin_client.get(page.url)
    assert len(counted.calls) == 1


def test_the_tag_spends_nothing_for_a_request_that_is_a_preview(counted):
    request = RequestFactory().get("/")
    request.is_preview = True
    image = upload()
    html = rendered("{% cutout photo width-40 %}", photo=image, request=request)
    assert 'data-rembg="pending"' in html
    several = "{% cutout_picture photo width-{40,50} %}"
    assert "removebg" not in rendered(several, photo=image, request=request)
    assert counted.calls == []


# Pitfall: in a preview, too, several renditions are made in threads that know no request.
def test_several_renditions_in_a_preview_spend_nothing(counted):
    image = upload()
    with spending.forbidden():
        html = rendered("{% picture photo removebg width-{40,50} %}", photo=image)
    assert "not-found" in html
    assert counted.calls == []


def test_a_filter_that_outlives_a_preview_may_spend_afterwards(counted):
    image, shared = upload(), Filter(spec="removebg|width-40")
    with spending.forbidden():
        assert shared.operations
        rendered("{% cutout photo width-40 %}", photo=image)
    image.get_rendition(shared)
    assert len(counted.calls) == 1


def test_the_admins_requests_are_known_by_their_path(counted):
    factory = RequestFactory()
    for path, allowed in (("/cms/pages/", False), ("/cms/", False), ("/cmsx/", True), ("/", True)):
        spending._begin(environ=factory.get(path).environ)
        assert spending.is_allowed_here() is allowed
        spending._begin(scope={"path": path})
        assert spending.is_allowed_here() is allowed
    set_script_prefix("/site/")
    spending._begin(environ={"SCRIPT_NAME": "/site", "PATH_INFO": "/cms/"})
    assert not spending.is_allowed_here()
    clear_script_prefix()
    spending._end()
    assert spending.is_allowed_here()


def test_under_asgi_the_admins_requests_are_known_too(page, counted, admin_user):
    client = AsyncClient()
    client.force_login(admin_user)

    async def look(path):
        return await client.get(path)

    path = reverse("wagtailadmin_pages:view_draft", args=(page.pk,))
    assert async_to_sync(look)(path).status_code == 200
    assert counted.calls == []
    assert async_to_sync(look)(page.url).status_code == 200
    assert len(counted.calls) == 1


def test_unapproved_pictures_are_not_paid_for_and_approved_ones_are(counted, site):
    site(AUTO=False)
    image, other = upload(), upload(name="other.jpg")
    html = rendered("{% cutout photo width-40 %}", photo=image)
    assert 'data-rembg="pending"' in html
    assert counted.calls == []
    approve([image], who="me")
    approve([image], who="you")
    assert "removebg" in rendered("{% cutout photo width-40 %}", photo=image)
    assert len(counted.calls) == 1
    # The same bytes are paid for, so another picture of them needs nobody's approval.
    assert "removebg" in rendered("{% cutout photo width-40 %}", photo=other)
    assert len(counted.calls) == 1


def test_a_function_may_decide(counted, site):
    site(AUTO=lambda image: image.title == "A cup")
    image = upload()
    assert "pending" in rendered("{% cutout photo width-40 %}", photo=image)
    image.title = "A cup"
    assert "removebg" in rendered("{% cutout photo width-40 %}", photo=image)


def test_a_function_that_fails_breaks_no_page_and_spends_nothing(counted, site):
    site(AUTO=lambda image: image.nothing)
    assert "pending" in rendered("{% cutout photo width-40 %}", photo=upload())
    assert counted.calls == []


def test_a_cut_out_that_is_there_asks_nobody(counted, site):
    image = upload()
    image.get_rendition("removebg|width-40")
    site(AUTO=lambda image: image.nothing)
    image.get_rendition("removebg|width-50")
    assert len(counted.calls) == 1


# Pitfall: of what a tag takes whose rendition is there, a good part was to find out who asks.
@pytest.mark.parametrize("tag", ["image", "cutout"])
def test_where_the_rendition_is_there_nobody_asks_whether_it_may_be_paid_for(
    counted, monkeypatch, tag
):
    image = upload()
    image.get_rendition("removebg|width-40")
    monkeypatch.setattr(spending, "is_allowed_here", None)  # would raise
    html = rendered(f"{{% {tag} photo removebg width-40 %}}", photo=image)
    assert "removebg" in html


# Pitfall: where the admin is all of the site but some addresses, every path begins as its own.
def test_an_admin_at_the_root_keeps_no_visitor_from_a_cut_out(counted, admin_user):
    image = upload()
    set_urlconf("django_site.admin_at_the_root")
    spending._begin(environ=RequestFactory().get("/photos/").environ)
    try:
        with LogContext(user=admin_user), pytest.raises(PendingError):  # a view of the admin
            image.get_rendition("removebg|width-40")
        image.get_rendition("removebg|width-40")
    finally:
        spending._end()
        set_urlconf(None)
    assert len(counted.calls) == 1
