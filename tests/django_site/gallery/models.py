"""Pages with pictures, and an image model that shows originals meanwhile."""

from __future__ import annotations

from django.db import models
from wagtail.admin.panels import FieldPanel
from wagtail.fields import RichTextField
from wagtail.images.models import Image
from wagtail.models import Page

from rembg_plugins.wagtail.image_model import CutoutImageMixin


class GalleryPage(Page):
    """A page that shows one picture without its background."""

    photo = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="+")
    body = RichTextField(blank=True)

    content_panels = (*Page.content_panels, FieldPanel("photo"), FieldPanel("body"))


class Photo(CutoutImageMixin, Image):
    """The stock model, as a site's own would be."""

    class Meta:
        """No table."""

        proxy = True
