from __future__ import annotations

import pytest
from django.test import override_settings
from django.urls import re_path
from django_site.gallery.models import Photo
from django_site.photographs import upload
from wagtail.images.views.serve import ServeView, generate_image_url

from rembg_plugins.wagtail.serve import CutoutServeView

pytestmark = pytest.mark.django_db

PATTERN = r"/([^/]*)/(\d*)/([^/]*)/[^/]*$"  # as Wagtail's documentation has it
urlpatterns = [
    re_path(rf"^ours{PATTERN}", CutoutServeView.as_view(), name="ours"),
    re_path(rf"^mixed{PATTERN}", CutoutServeView.as_view(model=Photo), name="mixed"),
    re_path(
        rf"^sent{PATTERN}", CutoutServeView.as_view(model=Photo, action="redirect"), name="sent"
    ),
    re_path(rf"^stock{PATTERN}", ServeView.as_view(), name="stock"),
]


@pytest.fixture(autouse=True)
def _urls():
    with override_settings(ROOT_URLCONF=__name__):
        yield


def get(client, image, view, spec="removebg|width-60"):
    response = client.get(generate_image_url(image, spec, view))
    body = b"".join(response) if response.streaming else response.content
    response.close()
    return response, body


@pytest.fixture
def image(request, counted):
    """Of the model that the view looks in."""
    if request.getfixturevalue("view") in {"mixed", "sent"}:
        request.getfixturevalue("own_images")
    return upload()


@pytest.mark.parametrize("view", ["ours", "mixed", "stock"])
def test_a_cut_out_is_served_and_kept(image, client, view):
    response, body = get(client, image, view)
    assert response.headers["Content-Type"] == "image/png"
    assert body.startswith(b"\x89PNG")
    assert "max-age=3600" in response.headers["Cache-Control"]


# Pitfall: Wagtail's view lets the answer that there is none be kept for an hour.
@pytest.mark.parametrize(("view", "status"), [("ours", 410), ("mixed", 200), ("sent", 302)])
def test_what_is_answered_meanwhile_is_not_kept(worker, image, client, view, status):
    response, _ = get(client, image, view)
    assert (response.status_code, response.headers["Cache-Control"]) == (status, "no-store")
    worker.run()
    response, _ = get(client, image, view)
    assert response.status_code == (302 if view == "sent" else 200)
    assert "max-age=3600" in response.headers["Cache-Control"]


# Pitfall: a placeholder has no file to serve, and Django redirects to no `data:` URL.
@pytest.mark.parametrize("view", ["mixed", "sent"])
def test_a_placeholder_is_answered_and_not_kept(worker, image, client, view, monkeypatch):
    monkeypatch.setattr(Photo, "cutout_meanwhile", "placeholder")
    response, body = get(client, image, view)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert response["Content-Type"] == "image/svg+xml"
    assert response["Content-Security-Policy"] == "default-src 'none'"
    assert body.startswith(b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"')
    worker.run()
    response, _ = get(client, image, view)
    assert response.status_code == (302 if view == "sent" else 200)
    assert "max-age=3600" in response["Cache-Control"]


def test_a_plain_rendition_is_kept_as_ever(worker, client):
    response, _ = get(client, upload(), "ours", "width-60")
    assert "max-age=3600" in response.headers["Cache-Control"]


def test_a_wrong_spec_is_a_bad_request(counted, client):
    assert get(client, upload(), "ours", "removebg-nosuch|width-60")[0].status_code == 400
