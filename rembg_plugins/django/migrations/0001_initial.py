"""The ledger: calls, and what is reserved of the budget."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Stands on nothing, so that it holds on every supported Django."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Call",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("began", models.DateTimeField(db_index=True, verbose_name="began")),
                (
                    "hour",
                    models.CharField(db_index=True, max_length=13, verbose_name="hour (UTC)"),
                ),
                ("seconds", models.FloatField(null=True, verbose_name="seconds")),
                ("key", models.CharField(db_index=True, max_length=64, verbose_name="key")),
                ("picture", models.CharField(blank=True, max_length=255, verbose_name="picture")),
                ("who", models.CharField(blank=True, max_length=255, verbose_name="who")),
                ("engine", models.CharField(max_length=255, verbose_name="engine")),
                ("credits", models.PositiveSmallIntegerField(default=0, verbose_name="credits")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("under_way", "under way"),
                            ("done", "done"),
                            ("failed", "failed"),
                            ("in_doubt", "in doubt"),
                        ],
                        default="under_way",
                        max_length=16,
                        verbose_name="outcome",
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=255, verbose_name="error")),
                ("forgiven", models.BooleanField(default=False, verbose_name="forgiven")),
            ],
            options={
                "verbose_name": "call",
                "verbose_name_plural": "calls",
                "ordering": ["-began", "-pk"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Window",
            fields=[
                ("name", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("reserved", models.PositiveIntegerField(default=0)),
                ("ends", models.DateTimeField(db_index=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
