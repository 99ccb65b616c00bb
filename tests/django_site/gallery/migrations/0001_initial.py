"""Stands on migrations that every supported Wagtail has."""

from __future__ import annotations

import django.db.models.deletion
import wagtail.fields
import wagtail.images.models
import wagtail.models
from django.conf import settings
from django.db import migrations, models


def _file(upload_to):
    return wagtail.images.models.WagtailImageField(
        height_field="height", upload_to=upload_to, width_field="width"
    )


def _sides():
    return [(name, models.IntegerField(editable=False)) for name in ("width", "height")]


class Migration(migrations.Migration):
    """The page, and an image model of the site's own.

    It is written by hand: what `makemigrations` writes for such a model stands on migrations and
    modules of the newest Wagtail alone. What the database need not know is left out.
    """

    initial = True

    dependencies = (
        ("wagtailcore", "0094_alter_page_locale"),
        ("wagtailimages", "0027_image_description"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    )

    operations = (
        migrations.CreateModel(
            name="GalleryPage",
            fields=[
                (
                    "page_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="wagtailcore.page",
                    ),
                ),
                ("body", wagtail.fields.RichTextField(blank=True)),
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
        migrations.CreateModel(
            name="Photo",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=255)),
                ("file", _file(wagtail.images.models.get_upload_to)),
                ("description", models.CharField(blank=True, default="", max_length=255)),
                *_sides(),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                *(
                    (f"focal_point_{name}", models.PositiveIntegerField(blank=True, null=True))
                    for name in ("x", "y", "width", "height")
                ),
                ("file_size", models.PositiveIntegerField(editable=False, null=True)),
                (
                    "file_hash",
                    models.CharField(blank=True, db_index=True, editable=False, max_length=40),
                ),
                ("credit", models.CharField(blank=True, max_length=100)),
                (
                    "collection",
                    models.ForeignKey(
                        default=wagtail.models.get_root_collection_id,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="wagtailcore.collection",
                    ),
                ),
                (
                    "uploaded_by_user",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="PhotoRendition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("filter_spec", models.CharField(db_index=True, max_length=255)),
                ("file", _file(wagtail.images.models.get_rendition_upload_to)),
                *_sides(),
                (
                    "focal_point_key",
                    models.CharField(blank=True, default="", editable=False, max_length=16),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="renditions",
                        to="gallery.photo",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("image", "filter_spec", "focal_point_key"),
                        name="gallery_one_rendition",
                    )
                ]
            },
        ),
    )
