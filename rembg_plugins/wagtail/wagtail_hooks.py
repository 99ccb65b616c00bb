"""Where Wagtail finds the parts of this app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Permission
from wagtail.hooks import register

from rembg_plugins.wagtail.bulk_action import (
    PERMISSION,
    RemoveBackgroundAction,
    WithdrawApprovalAction,
)
from rembg_plugins.wagtail.look import NAME
from rembg_plugins.wagtail.operation import RemoveBackground

if TYPE_CHECKING:
    from django.db.models import QuerySet


def _operations() -> list[tuple[str, type[RemoveBackground]]]:
    return [(NAME, RemoveBackground)]


def _permissions() -> QuerySet[Permission]:
    label, codename = PERMISSION.split(".")
    return Permission.objects.filter(content_type__app_label=label, codename=codename)


register("register_image_operations", _operations)
register("register_bulk_action", RemoveBackgroundAction)
register("register_bulk_action", WithdrawApprovalAction)
register("register_permissions", _permissions)
