from __future__ import annotations

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from rembg_plugins.django import tables
from rembg_plugins.django.checks import check_tables
from rembg_plugins.django.models import Call, Window

OURS = {"rembg_call", "rembg_window", "rembg_wagtail_approval"}


def told(alias):
    messages = checks.run_checks(tags=["database"], databases=[alias])
    return [one for one in messages if one.id == "rembg.W009"]


def rename(connection, old, new):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


@pytest.mark.django_db
def test_where_migrate_was_run_nothing_is_told():
    assert told("default") == []


@pytest.mark.django_db
def test_without_databases_none_is_asked(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert check_tables(databases=None) == []


def test_a_database_that_was_never_migrated_is_told_and_can_be_migrated(empty):
    found = told(empty)
    assert [any(table in one.msg for one in found) for table in OURS] == [True] * len(found)
    assert {one.level for one in found} == {checks.WARNING}
    call_command("migrate", "rembg", database=empty, verbosity=0, skip_checks=False)
    assert ["rembg_wagtail_approval" in one.msg for one in told(empty)] == [True]


@pytest.mark.django_db
def test_a_table_that_lacks_a_column_of_an_upgrade_is_told():
    rename(connection, "rembg_window", "elsewhere")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE rembg_window (name text, reserved integer)")
    assert ["rembg_window" in one.msg for one in told("default")] == [True]


def test_what_is_done_with_a_table_that_is_not_there_leaves_the_transaction_whole(
    on_postgresql, caplog
):
    rename(on_postgresql, "rembg_call", "elsewhere")
    with transaction.atomic(using="postgresql"):
        Window.objects.create(name="of the page", ends=timezone.now())
        with tables.if_there(Call):
            Call.objects.all().delete()
        assert Window.objects.exists()
    assert Window.objects.exists()
    with tables.if_there(Call):  # outside of a transaction
        Call.objects.all().delete()
    assert caplog.text.count("rembg_call is not there") == 2
    assert "manage.py migrate" in caplog.text


@pytest.mark.django_db
def test_other_problems_of_the_database_are_raised():
    with pytest.raises(DatabaseError, match="locked"), tables.if_there(Call):
        raise DatabaseError("locked")
    assert connections["default"].is_usable()
