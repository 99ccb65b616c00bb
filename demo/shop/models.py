"""A shop, and what it sells."""

from __future__ import annotations

from django.db import models
from wagtail.admin.panels import FieldPanel
from wagtail.models import Page


class ShopPage(Page):
    """The list of what there is; each product is a page below it."""

    intro = models.CharField(max_length=255, blank=True)

    content_panels = (*Page.content_panels, FieldPanel("intro"))
    subpage_types = ("shop.ProductPage",)

    def products(self) -> models.QuerySet[ProductPage]:
        """Those that are published, in the order of the page tree, with their photographs."""
        found = ProductPage.objects.child_of(self).live().select_related("photo")
        return found.order_by("path")


class ProductPage(Page):
    """One product: its photograph is stored as it was taken, with its background."""

    photo = models.ForeignKey(
        "wagtailimages.Image", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    price = models.CharField(max_length=20, blank=True)
    blurb = models.CharField(max_length=255, blank=True)

    content_panels = (
        *Page.content_panels,
        FieldPanel("photo"),
        FieldPanel("price"),
        FieldPanel("blurb"),
    )
    parent_page_types = ("shop.ShopPage",)
    subpage_types = ()
