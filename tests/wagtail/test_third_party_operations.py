from __future__ import annotations

import pytest
from django_site.photographs import opened, rendered, unlike_inside, upload
from PIL import Image
from wagtail import hooks
from wagtail.images.image_operations import FilterOperation, ImageTransform, TransformOperation
from wagtail.images.models import SourceImageIOError
from willow.plugins.pillow import PillowImage

pytestmark = pytest.mark.django_db


class Halve(TransformOperation):
    """Half of the size, by a transform of its own: it forgets the one that it was given."""

    def construct(self):
        """It takes no arguments."""

    def run(self, transform, image):
        """Another transform."""
        made = ImageTransform(tuple(side // 2 for side in transform.size))
        made.scale = (0.5, 0.5)
        return made


class Mirror(FilterOperation):
    """Left is right."""

    def construct(self):
        """It takes no arguments."""

    def run(self, willow, image, env):
        """The other way round."""
        return PillowImage(willow.get_pillow_image().transpose(Image.Transpose.FLIP_LEFT_RIGHT))


@pytest.fixture(autouse=True)
def _operations():
    def offered():
        return [("halve", Halve), ("mirror", Mirror)]

    with hooks.register_temporarily("register_image_operations", offered):
        yield


# Pitfall: it builds a transform of its own, behind ours; the small picture would be shown whole.
def test_a_geometry_that_an_operation_hides_from_ours_breaks_no_page_and_is_not_saved(counted):
    image = upload()
    with pytest.raises(SourceImageIOError, match="another operation changed its geometry"):
        image.get_rendition("removebg|halve")
    assert "not-found" in rendered("{% image photo removebg halve %}", photo=image)
    assert 'data-rembg="failed"' in rendered("{% cutout photo removebg halve %}", photo=image)
    assert not image.renditions.filter(filter_spec__contains="removebg").exists()


def test_before_ours_it_is_in_the_transform_that_is_handed_over(counted):
    image = upload()
    cut = opened(image.get_rendition("halve|removebg"))
    plain = opened(image.get_rendition("halve|format-png"))
    assert cut.size == plain.size == (150, 100)
    assert unlike_inside(cut, plain) == 0


def test_filters_after_ours_get_the_cut_out(counted):
    image = upload()
    cut = opened(image.get_rendition("removebg|width-90"))
    mirrored = opened(image.get_rendition("removebg|width-90|mirror"))
    assert mirrored.tobytes() == cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()
