from __future__ import annotations

import pytest
from django.urls import reverse
from django_site.photographs import upload

pytestmark = pytest.mark.django_db


# Pitfall: the admin makes renditions of any spec that stands in an address; a GET must not spend.
@pytest.mark.parametrize("spec", ["removebg", "removebg|width-40", "width-40|removebg-mask"])
def test_an_address_of_the_admins_that_asks_for_a_cut_out_spends_nothing(
    counted, admin_client, spec
):
    image = upload()
    response = admin_client.get(reverse("wagtailimages:preview", args=(image.pk, spec)))
    assert response.status_code == 400
    assert counted.calls == []
    assert not image.renditions.exists()
