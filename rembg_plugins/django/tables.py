"""Whether the tables of these apps are there: ``manage.py migrate`` may have been forgotten."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import DatabaseError, connections, router, transaction

from rembg_plugins.django.pictures import meta_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

REMEDY = "Run `manage.py migrate`."

_OURS = "rembg_plugins."

_log = logging.getLogger(__name__)


def missing(alias: str) -> list[str]:
    """The tables that a database should have, and has not, or not with all of their columns.

    Args:
        alias: Of the database, which is asked.

    Raises:
        DatabaseError: It cannot be asked.
    """
    configs = [one for one in apps.get_app_configs() if one.name.startswith(_OURS)]
    models = [model for one in configs for model in one.get_models()]
    return [
        meta_of(model).db_table
        for model in models
        if router.allow_migrate_model(alias, model) and not _is_there(model, alias)
    ]


@contextmanager
def if_there(model: type[Model]) -> Iterator[None]:
    """Do what the block does with a model's table; where that is not there, tell how to make it.

    A picture can then be deleted, say, on a site that was never migrated. The transaction around
    the block goes on, on PostgreSQL as well, where an error spoils all of one without a savepoint.

    Raises:
        DatabaseError: Something else is wrong.
    """
    alias = router.db_for_write(model)
    is_within = connections[alias].in_atomic_block
    try:
        with transaction.atomic(using=alias) if is_within else nullcontext():
            yield
    except DatabaseError as problem:
        if _is_there(model, alias):
            raise
        _log.error("The table %s is not there: %s. %s", meta_of(model).db_table, problem, REMEDY)


def _is_there(model: type[Model], alias: str) -> bool:
    meta, introspection = meta_of(model), connections[alias].introspection
    table = introspection.identifier_converter(meta.db_table)
    with connections[alias].cursor() as cursor:
        if table not in introspection.table_names(cursor):
            return False
        found = {one.name for one in introspection.get_table_description(cursor, table)}
    columns = (one.column for one in meta.local_concrete_fields if one.column)
    return {introspection.identifier_converter(column) for column in columns} <= found
