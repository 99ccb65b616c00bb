"""Which pictures people approved."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Stands on nothing, so that it holds with every supported Wagtail and image model."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=100, verbose_name="model")),
                ("object_pk", models.CharField(max_length=64, verbose_name="number")),
                ("file", models.CharField(blank=True, max_length=255, verbose_name="file")),
                ("who", models.CharField(blank=True, max_length=255, verbose_name="who")),
                ("given", models.DateTimeField(auto_now_add=True, verbose_name="given")),
            ],
            options={
                "verbose_name": "approval",
                "verbose_name_plural": "approvals",
                "default_permissions": (),
                "permissions": (("use_credits", "Can remove backgrounds, which may cost credits"),),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model", "object_pk"), name="rembg_wagtail_one_approval"
                    )
                ],
            },
        ),
    ]
