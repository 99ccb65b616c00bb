"""The processor for django-imagekit, with the real package."""

from __future__ import annotations

import io
import pickle

import pytest
from core.pictures import SIZE, encoded, orientation
from django.core.cache import cache
from django.core.files.base import ContentFile
from django_site.shop.models import Product
from imagekit import ImageSpec
from imagekit.cachefiles import ImageCacheFile
from imagekit.models import ImageSpecField
from PIL import Image
from pilkit.processors import ResizeToFill, ResizeToFit

from rembg_plugins.core.errors import ConfigurationError, PaymentRequiredError
from rembg_plugins.django import cutouts
from rembg_plugins.django.imagekit import RemoveBackground, RetryingBackend

pytestmark = pytest.mark.django_db

PHOTO = encoded("JPEG")


class Shown(Product):
    """A product, as a shop shows it."""

    card = ImageSpecField(
        source="photo", processors=[RemoveBackground(), ResizeToFit(20, 20)], format="PNG"
    )
    tile = ImageSpecField(
        source="photo", processors=[RemoveBackground(), ResizeToFill(12, 12)], format="WEBP"
    )
    whole = ImageSpecField(source="photo", processors=[RemoveBackground()], format="PNG")

    class Meta:
        """No table of its own."""

        proxy = True
        app_label = "shop"


class Thumbnail(ImageSpec):
    """A spec of its own, with a profile."""

    processors = (RemoveBackground("product"), ResizeToFit(20, 20))
    format = "PNG"


def product(photo=PHOTO):
    return Shown.objects.create(name="shoe", photo=ContentFile(photo, "photo.jpg"))


@pytest.fixture(autouse=True)
def _no_states_of_another_test():
    """The package keeps in the cache which of its files are there."""
    cache.clear()


def opened(made):
    """The picture in a file that the package made, which is closed."""
    try:
        image = Image.open(io.BytesIO(made.read()))
    finally:
        made.close()
    image.load()
    return image


def test_three_sizes_are_one_call(counted):
    shoe = product()
    card, tile, whole = opened(shoe.card), opened(shoe.tile), opened(shoe.whole)
    assert (card.format, card.mode, max(card.size)) == ("PNG", "RGBA", 20)
    assert (tile.format, tile.mode, tile.size) == ("WEBP", "RGBA", (12, 12))
    assert (whole.format, whole.mode, whole.size) == ("PNG", "RGBA", SIZE)
    assert {image.getchannel("A").getextrema()[0] for image in (card, tile, whole)} == {0}
    assert len(counted.calls) == 1


def test_the_same_picture_under_another_name_costs_nothing(counted):
    assert opened(product().card).tobytes() == opened(product().card).tobytes()
    assert len(counted.calls) == 1


def test_the_store_is_the_one_of_all_others(counted):
    opened(product().card)
    photo = Image.open(io.BytesIO(PHOTO))
    assert cutouts.is_ready(photo)
    assert not cutouts.remove(photo).billed
    assert len(counted.calls) == 1


def test_a_profile_is_applied(counted, site):
    image = opened(Thumbnail(source=product().photo).generate())
    assert (image.format, image.mode) == ("PNG", "RGB")
    assert image.getpixel((0, 0)) == (255, 255, 255)
    assert repr(Thumbnail.processors[0]) == "RemoveBackground('product')"
    with pytest.raises(ConfigurationError, match="no profile 'other'"):
        RemoveBackground("other").process(image)


def test_a_photograph_that_lies_on_its_side_is_stood_up(counted):
    assert opened(product(encoded("JPEG", exif=orientation(6))).whole).size == SIZE[::-1]


def test_a_format_without_transparency_is_laid_on_white(counted):
    class Flat(ImageSpec):
        processors = (RemoveBackground(),)
        format = "JPEG"

    image = opened(Flat(source=product().photo).generate())
    assert image.mode == "RGB"
    assert min(image.getpixel((0, 0))) >= 250


def test_a_cached_file_keeps_its_name_until_the_profile_changes(counted, site):
    photo = product().photo
    name = Thumbnail(source=photo).cachefile_name
    assert Thumbnail(source=photo).cachefile_name == name
    site(API_KEY=lambda: "a-secret", ENGINE="offline")
    assert Thumbnail(source=photo).cachefile_name == name
    site(PROFILES={"product": {"format": "PNG", "bg_color": "#000000"}})
    assert Thumbnail(source=photo).cachefile_name != name


@pytest.mark.parametrize("profile", [None, "product"])
def test_its_pickle_is_stable_and_holds_no_key(site, profile):
    site(API_KEY=lambda: "a-secret")
    made = RemoveBackground(profile)
    pickled = pickle.dumps(made)
    again = pickle.loads(pickled)  # noqa: S301 - our own
    assert again.profile == profile
    assert pickle.dumps(again) == pickled == pickle.dumps(RemoveBackground(profile))
    assert b"a-secret" not in pickled


class Retried(Thumbnail):
    """The same, with the backend that tries again."""

    cachefile_backend = RetryingBackend()


@pytest.mark.parametrize("spec", [Thumbnail, Retried])
def test_what_failed_once_is_made_later_with_the_backend_for_it(counted, spec):
    counted.script["each"] = PaymentRequiredError("no credits", billed=False)
    photo = product().photo
    with pytest.raises(PaymentRequiredError):
        ImageCacheFile(spec(source=photo)).generate()
    counted.script.clear()
    cutouts.failures().forget("")
    later = ImageCacheFile(spec(source=photo))
    later.generate()
    is_made = photo.storage.exists(later.name)
    assert is_made == (spec is Retried), "the package's own backend does so too: drop ours"
    if is_made:
        assert opened(photo.storage.open(later.name)).format == "PNG"
        later.generate()
    assert len(counted.calls) == 1 + is_made
