"""Stands on migrations that every supported Wagtail has."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


def _page_ptr() -> models.OneToOneField:
    return models.OneToOneField(
        auto_created=True,
        on_delete=django.db.models.deletion.CASCADE,
        parent_link=True,
        primary_key=True,
        serialize=False,
        to="wagtailcore.page",
    )


class Migration(migrations.Migration):
    """The two kinds of pages."""

    initial = True

    dependencies = (
        ("wagtailcore", "0094_alter_page_locale"),
        ("wagtailimages", "0027_image_description"),
    )

    operations = (
        migrations.CreateModel(
            name="ShopPage",
            fields=[
                ("page_ptr", _page_ptr()),
                ("intro", models.CharField(blank=True, max_length=255)),
            ],
            options={"abstract": False},
            bases=("wagtailcore.page",),
        ),
        migrations.CreateModel(
            name="ProductPage",
            fields=[
                ("page_ptr", _page_ptr()),
                ("price", models.CharField(blank=True, max_length=20)),
                ("blurb", models.CharField(blank=True, max_length=255)),
                (
                    "photo",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="wagtailimages.image",
                    ),
                ),
            ],
            options={"abstract": False},
            bases=("wagtailcore.page",),
        ),
    )
