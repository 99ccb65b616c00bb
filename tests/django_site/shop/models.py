"""Models of the tests' site."""

from __future__ import annotations

from django.db import models

from rembg_plugins.django.storage import CutoutStorage


def cutouts():
    """Where figures are kept: the files of the site, without backgrounds, on white, as PNG."""
    return CutoutStorage(profile="product")


class Product(models.Model):
    """Something that is sold."""

    name = models.CharField(max_length=100)
    photo = models.ImageField(upload_to="products", blank=True)


class Figure(models.Model):
    """A picture that is cut out as it is saved."""

    width = models.IntegerField(null=True, editable=False)  # saved before the photo it is of
    photo = models.ImageField(
        storage=cutouts,
        upload_to="figures/%Y/%m",
        max_length=40,
        width_field="width",
        height_field="height",
        blank=True,
    )
    height = models.IntegerField(null=True, editable=False)
