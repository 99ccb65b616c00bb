"""Pages with pictures, and an image model that shows originals meanwhile."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from wagtail.admin.panels import FieldPanel
from wagtail.fields import RichTextField
from wagtail.images.models import AbstractImage, AbstractRendition, Image
from wagtail.models import Page

from rembg_plugins.wagtail.image_model import CutoutImageMixin


class GalleryPage(Page):
    """A page that shows one picture without its background."""

    photo = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="+")
    body = RichTextField(blank=True)

    content_panels = (*Page.content_panels, FieldPanel("photo"), FieldPanel("body"))


class Photo(CutoutImageMixin, AbstractImage):
    """An image model of a site's own, with tables of its own."""

    credit = models.CharField(max_length=100, blank=True)

    admin_form_fields = (*Image.admin_form_fields, "credit")


class PhotoRendition(AbstractRendition):
    """Its renditions."""

    image = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="renditions")

    class Meta:
        """As Wagtail wants it."""

        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=("image", "filter_spec", "focal_point_key"), name="gallery_one_rendition"
            )
        ]
