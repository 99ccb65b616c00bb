from __future__ import annotations

import io

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from rembg_plugins.django.models import Call, Window

LABELS = ["rembg", "rembg_wagtail"]


@pytest.mark.django_db
@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("auto_field", ["BigAutoField", "AutoField"])
@pytest.mark.parametrize("language", ["en-us", "de"])
def test_the_models_have_no_changes_that_no_migration_makes(settings, label, auto_field, language):
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{auto_field}"
    settings.LANGUAGE_CODE = language
    told = io.StringIO()
    call_command("makemigrations", label, check=True, dry_run=True, stdout=told)
    assert "No changes detected" in told.getvalue()


# Pitfall: `makemigrations` under a newer Wagtail refers to migrations that an older one has not.
@pytest.mark.parametrize("label", LABELS)
def test_the_migrations_stand_on_nothing_of_another_app(label):
    loader = MigrationLoader(None)
    ours = [one for key, one in loader.disk_migrations.items() if key[0] == label]
    assert ours
    foreign = {app for one in ours for app, _ in (*one.dependencies, *one.run_before)}
    assert foreign <= {label}
    for model in apps.get_app_config(label).get_models():
        assert not [field for field in model._meta.get_fields() if field.is_relation]


def test_the_migrations_make_the_tables_of_the_models_and_remove_them(empty):
    call_command("migrate", "rembg", database=empty, verbosity=0)
    assert Call.objects.using(empty).count() == Window.objects.using(empty).count() == 0
    introspection = connections[empty].introspection
    with connections[empty].cursor() as cursor:
        columns = introspection.get_table_description(cursor, "rembg_call")
        indexed = introspection.get_constraints(cursor, "rembg_call").values()
    assert {one.name for one in columns} == {field.column for field in Call._meta.local_fields}
    assert {("began",), ("hour",), ("key",)} <= {
        tuple(one["columns"]) for one in indexed if one["index"]
    }
    call_command("migrate", "rembg", "zero", database=empty, verbosity=0)
    assert "rembg_call" not in introspection.table_names()
