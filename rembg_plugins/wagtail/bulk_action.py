"""The bulk action "Remove background" of the list of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from wagtail.images.models import SourceImageIOError
from wagtail.images.views.bulk_actions.image_bulk_action import ImageBulkAction

from rembg_plugins.core.errors import RembgError
from rembg_plugins.django import cutouts, deferral
from rembg_plugins.wagtail import approvals
from rembg_plugins.wagtail.mattes import source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PERMISSION = "rembg_wagtail.use_credits"
_LOOKED_AT = 100  # pictures that are read to find out whether they are paid for already


class RemoveBackgroundAction(ImageBulkAction):
    """Approves pictures, and has their cut-outs made: after the confirming POST is committed."""

    display_name = _("Remove background")
    aria_label = _("Remove the backgrounds of selected images")
    action_type = "rembg_remove_background"
    template_name = "rembg_wagtail/bulk_actions/confirm.html"
    action_priority = 90

    def check_perm(self, obj: Any) -> bool:
        """Whether this user may change the picture, and use credits."""
        if obj.is_svg() or not self.request.user.has_perm(PERMISSION):
            return False
        policy = self.permission_policy
        return bool(policy.user_has_permission_for_instance(self.request.user, "change", obj))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows: the pictures, and what they cost at most."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["most_credits"] = most_credits([one["item"] for one in context["items"]])
        return context

    def get_execution_context(self) -> dict[str, Any]:
        """Who does it."""
        return {**super().get_execution_context(), "who": self.request.user.get_username()}

    @classmethod
    def execute_action(cls, objects: Sequence[Any], who: str = "", **_: Any) -> tuple[int, int]:
        """Approve them; no call is made in this transaction."""
        approvals.approve(objects, who=who)
        transaction.on_commit(lambda: _request(objects))
        return len(objects), 0

    def get_success_message(self, num_parent_objects: int, num_child_objects: int) -> str:  # noqa: ARG002 - Wagtail's signature
        """One sentence."""
        return ngettext(
            "The background of %(count)d image is being removed.",
            "The backgrounds of %(count)d images are being removed.",
            num_parent_objects,
        ) % {"count": num_parent_objects}


def most_credits(images: Iterable[Any]) -> int:
    """How many credits their cut-outs cost at most: those that are there cost nothing."""
    pictures = list(images)
    if not getattr(cutouts.adapter().engine, "paid", False):
        return 0
    return len(pictures) - sum(_is_ready(one) for one in pictures[:_LOOKED_AT])


def _is_ready(image: Any) -> bool:
    try:
        return cutouts.is_ready(source_of(image))
    except (RembgError, SourceImageIOError):  # it will cost nothing, but who knows
        return False


def _request(images: Iterable[Any]) -> None:
    for image in images:
        deferral.request_cutout(image, "file")
