from __future__ import annotations

import io

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader


# Pitfall: `makemigrations` under a newer Wagtail refers to migrations that an older one has not.
def test_the_migrations_stand_on_no_version_of_wagtail_and_on_no_image_model():
    loader = MigrationLoader(None)
    ours = [one for key, one in loader.disk_migrations.items() if key[0] == "rembg_wagtail"]
    assert ours
    foreign = {app for one in ours for app, _ in (*one.dependencies, *one.run_before)}
    assert foreign <= {"rembg_wagtail"}
    for model in apps.get_app_config("rembg_wagtail").get_models():
        assert not [field for field in model._meta.get_fields() if field.is_relation]


@pytest.mark.django_db
@pytest.mark.parametrize("auto_field", ["BigAutoField", "AutoField"])
@pytest.mark.parametrize("language", ["en-us", "de"])
def test_the_models_have_no_changes_that_no_migration_makes(settings, auto_field, language):
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{auto_field}"
    settings.LANGUAGE_CODE = language
    told = io.StringIO()
    call_command("makemigrations", "rembg_wagtail", check=True, dry_run=True, stdout=told)
    assert "No changes detected" in told.getvalue()
