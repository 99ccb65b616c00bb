"""What the demo begins with: a shop of three sample photographs, and somebody who may edit it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.core.files.images import ImageFile
from django.db import transaction
from wagtail.images import get_image_model
from wagtail.models import Page, Site

from shop.models import ProductPage, ShopPage

USER = "admin"

_PHOTOGRAPHS = Path(__file__).parents[2] / "docs" / "images"


class _Sample(NamedTuple):
    file: str
    title: str
    price: str
    blurb: str
    focus: tuple[int, int]  # px from the left, from the top: what `fill` keeps in sight


_SAMPLES = (
    _Sample(
        file="coffee.png",
        title="Espresso, doppio",
        price="€ 2.90",
        blurb="Red cup, red saucer, a spoon to stir it.",
        focus=(280, 200),
    ),
    _Sample(
        file="chelsea.png",
        title="Chelsea, portrait",
        price="€ 24.00",
        blurb="A cat who knows that you looked.",
        focus=(225, 150),
    ),
    _Sample(
        file="rocket.jpg",
        title="Rocket, large",
        price="€ 61,000,000",
        blurb="One careful owner. Collect in person.",
        focus=(320, 250),
    ),
)


def load() -> None:
    """Make pages and pictures, unless there is a shop: then all is kept as it is."""
    if ShopPage.objects.exists():
        return
    with transaction.atomic():
        root = Page.get_first_root_node()
        shop = root.add_child(
            instance=ShopPage(
                title="The cut-out shop",
                slug="shop",
                intro="Photographs as they were taken, and what the page makes of them.",
            )
        )
        for sample in _SAMPLES:
            shop.add_child(instance=_product(sample))
        site = Site.objects.get(is_default_site=True)
        welcome, site.root_page = site.root_page, shop
        site.save()
        welcome.delete()


def load_user(password: str) -> None:
    """Make somebody who may do everything in the admin, unless there is one of that name."""
    users = get_user_model().objects
    if not users.filter(username=USER).exists():
        users.create_superuser(USER, password=password)


def _product(sample: _Sample) -> ProductPage:
    with (_PHOTOGRAPHS / sample.file).open("rb") as file:
        photo = get_image_model().objects.create(
            title=sample.title,
            file=ImageFile(file, sample.file),
            focal_point_x=sample.focus[0],
            focal_point_y=sample.focus[1],
            focal_point_width=1,
            focal_point_height=1,
        )
    return ProductPage(title=sample.title, photo=photo, price=sample.price, blurb=sample.blurb)
