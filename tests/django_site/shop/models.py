"""Models of the tests' site."""

from __future__ import annotations

from django.db import models


class Product(models.Model):
    """Something that is sold."""

    name = models.CharField(max_length=100)
    photo = models.ImageField(upload_to="products", blank=True)
