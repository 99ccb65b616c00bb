from __future__ import annotations

import pytest
from django_site.photographs import encode, opened, photograph, unlike_inside, upload
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import SourceImageIOError

from rembg_plugins.core.errors import PaymentRequiredError

pytestmark = pytest.mark.django_db

GEOMETRIES = [
    "width-90",
    "height-77",
    "max-120x50",
    "min-100x60",
    "fill-80x80",
    "fill-60x90-c60",
    "scale-40",
    "scale-133",
    "max-200x200|fill-50x70",
    "fill-200x150|width-77",
    "original",
]


@pytest.mark.parametrize("spec", GEOMETRIES)
@pytest.mark.parametrize("order", ["{0}|{1}", "{1}|{0}"], ids=["first", "last"])
def test_the_cut_out_lies_where_the_plain_rendition_has_it(counted, spec, order):
    focal = {"focal_point_x": 220, "focal_point_y": 60}
    focal |= {"focal_point_width": 40, "focal_point_height": 30}
    image = upload(encode(photograph(), "PNG"), "photo.png", **focal)
    plain = opened(image.get_rendition(spec))
    cut = opened(image.get_rendition(order.format("removebg", spec)))
    assert (cut.mode, cut.size) == ("RGBA", plain.size)
    assert unlike_inside(cut, plain) == 0
    assert cut.getchannel("A").getextrema()[0] == 0 or spec == "fill-60x90-c60"
    assert len(counted.calls) == 1


def test_another_operation_before_it_is_seen_in_the_transform_handed_over(counted):
    image = upload()
    cut = opened(image.get_rendition("fill-100x60|removebg|width-50"))
    assert unlike_inside(cut, opened(image.get_rendition("fill-100x60|width-50|format-png"))) == 0
    assert cut.size == (50, 30)


@pytest.mark.parametrize("spec", ["removebg-", "removebg-nosuch", "removebg-mask-2", "removebg-w"])
def test_a_wrong_argument_is_an_error_of_the_spec(counted, spec):
    with pytest.raises(InvalidFilterSpecError):
        upload().get_rendition(f"{spec}|width-40")
    assert counted.calls == []


def test_where_it_fails_no_rendition_is_saved_and_a_later_view_has_it(counted):
    image = upload()
    counted.script["each"] = PaymentRequiredError("no credits", billed=False)
    with pytest.raises(SourceImageIOError):
        image.get_rendition("removebg|width-40")
    assert not image.renditions.exists()
