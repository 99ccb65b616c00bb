"""The bulk actions of the list of images: "Remove background", and the approval taken back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin import messages
from wagtail.images.models import SourceImageIOError
from wagtail.images.views.bulk_actions.image_bulk_action import ImageBulkAction

from rembg_plugins.core.errors import RembgError
from rembg_plugins.django import cutouts, deferral
from rembg_plugins.django.settings import current
from rembg_plugins.wagtail import approvals
from rembg_plugins.wagtail.mattes import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.http import HttpRequest

PERMISSION = "rembg_wagtail.use_credits"
_LOOKED_AT = 100  # pictures that are read to find out whether they are paid for already


class _DecidingAction(ImageBulkAction):
    """What those may do who decide about credits."""

    action_priority = 90

    def check_perm(self, obj: Any) -> bool:
        """Whether this user may change the picture, and use credits."""
        if obj.is_svg() or not self.request.user.has_perm(PERMISSION):
            return False
        policy = self.permission_policy
        return bool(policy.user_has_permission_for_instance(self.request.user, "change", obj))


class RemoveBackgroundAction(_DecidingAction):
    """Approves pictures, and has their cut-outs made: after the confirming POST is committed.

    Attributes:
        seconds: For how long it asks for cut-outs, in s; the last that was begun is ended. Where
            no worker runs the tasks, each is a call within this request, which a web server ends
            after 30 s or so. What is left over is made when a page shows it.
        clock: Gives the time in s.
    """

    seconds: ClassVar[float] = 10.0
    clock: ClassVar[Callable[[], float]] = time.monotonic

    display_name = _("Remove background")
    aria_label = _("Remove the backgrounds of selected images")
    action_type = "rembg_remove_background"
    template_name = "rembg_wagtail/bulk_actions/confirm.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows: the pictures, and what they cost at most."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["most_credits"] = most_credits([one["item"] for one in context["items"]])
        return context

    def get_execution_context(self) -> dict[str, Any]:
        """Who does it, and to whom the end of it is told."""
        context: dict[str, Any] = super().get_execution_context()
        return {**context, "who": self.request.user.get_username(), "request": self.request}

    @classmethod
    def execute_action(
        cls,
        objects: Sequence[Any],
        who: str = "",
        request: HttpRequest | None = None,
        **_: Any,
    ) -> tuple[int, int]:
        """Approve them; no call is made in this transaction."""
        approvals.approve(objects, who=who)

        def committed() -> None:
            asked = cls._ask(objects)
            if request is not None:
                _tell(request, asked=asked, left=len(objects) - asked)

        transaction.on_commit(committed)
        return len(objects), 0

    @classmethod
    def _ask(cls, images: Sequence[Any]) -> int:
        """Ask for their cut-outs, as many as the time allows; how many those are."""
        end = cls.clock() + cls.seconds
        for number, image in enumerate(images, 1):
            deferral.request_cutout(image, "file")
            if cls.clock() >= end:
                return number
        return len(images)


class WithdrawApprovalAction(_DecidingAction):
    """Takes approvals back: nothing more is paid for these pictures, unless ``AUTO`` allows it."""

    display_name = _("Withdraw approval")
    aria_label = _("Withdraw the approval to remove the backgrounds of selected images")
    action_type = "rembg_withdraw_approval"
    template_name = "rembg_wagtail/bulk_actions/withdraw.html"
    action_priority = 91

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows: the pictures, and whether approvals are all that counts here."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "only_approved": current().auto is False}

    @classmethod
    def execute_action(cls, objects: Sequence[Any], **_: Any) -> tuple[int, int]:
        """Forget the approvals; how many there were."""
        return sum(approvals.withdraw(one) for one in objects), 0

    def get_success_message(self, num_parent_objects: int, num_child_objects: int) -> str:  # noqa: ARG002 - Wagtail's signature
        """One sentence."""
        if not num_parent_objects:
            return gettext("None of these images was approved.")
        return ngettext(
            "The approval of %(count)d image was withdrawn.",
            "The approvals of %(count)d images were withdrawn.",
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


def _tell(request: HttpRequest, *, asked: int, left: int) -> None:
    if asked:
        text = ngettext(
            "The background of %(count)d image is being removed.",
            "The backgrounds of %(count)d images are being removed.",
            asked,
        )
        messages.success(request, text % {"count": asked})
    if left:
        text = ngettext(
            "%(count)d more image is approved: its background is removed when a page shows it, "
            "or when you choose it here again.",
            "%(count)d more images are approved: their backgrounds are removed when a page shows "
            "them, or when you choose them here again.",
            left,
        )
        messages.warning(request, text % {"count": left})
