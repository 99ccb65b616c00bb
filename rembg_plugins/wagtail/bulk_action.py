"""The bulk actions of the list of images: "Remove background", and the approval taken back."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin import messages
from wagtail.images.models import SourceImageIOError
from wagtail.images.views.bulk_actions.image_bulk_action import ImageBulkAction

from rembg_plugins.core.errors import ConfigurationError, RembgError
from rembg_plugins.django import cutouts, deferral
from rembg_plugins.django.settings import current
from rembg_plugins.wagtail import approvals
from rembg_plugins.wagtail.mattes import source_of
from rembg_plugins.wagtail.worker import has_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.http import HttpRequest

PERMISSION = "rembg_wagtail.use_credits"
_log = logging.getLogger(__name__)
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
        """What the page shows: the pictures, and what they cost at most; None if nobody knows."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        try:
            most = most_credits([one["item"] for one in context["items"]])
        except ConfigurationError as problem:
            messages.error(self.request, str(problem))
            most = None
        return {**context, "most_credits": most}

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
            try:
                asked, made = cls._ask(objects)
            except ConfigurationError as problem:
                _tell_why_not(request, problem)
            else:
                _tell(request, asked=asked, made=made, left=len(objects) - asked)

        transaction.on_commit(committed)
        return len(objects), 0

    @classmethod
    def _ask(cls, images: Sequence[Any]) -> tuple[int, int]:
        """Ask for their cut-outs, as many as the time allows.

        Returns:
            For how many it asked, and how many of these a worker will make, or are there.

        Raises:
            ConfigurationError: None can be made on this site, as it is configured.
        """
        end = cls.clock() + cls.seconds
        cutouts.adapter()
        is_made_here = current().enqueue is None and not has_worker()
        made = 0
        for number, image in enumerate(images, 1):
            deferral.request_cutout(image, "file")
            made += not is_made_here or _is_ready(image)
            if cls.clock() >= end:
                return number, made
        return len(images), made


class WithdrawApprovalAction(_DecidingAction):
    """Takes approvals back: nothing more is paid for these pictures, unless ``AUTO`` allows it."""

    display_name = _("Withdraw approval")
    aria_label = _("Withdraw the approval to remove the backgrounds of selected images")
    action_type = "rembg_withdraw_approval"
    template_name = "rembg_wagtail/bulk_actions/withdraw.html"
    action_priority = 91

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows: the pictures, and whether approvals are all that counts here.

        That is None where nobody knows; an approval can be taken back all the same.
        """
        context: dict[str, Any] = super().get_context_data(**kwargs)
        try:
            only_approved = current().auto is False
        except ConfigurationError as problem:
            messages.error(self.request, str(problem))
            only_approved = None
        return {**context, "only_approved": only_approved}

    @classmethod
    def execute_action(cls, objects: Sequence[Any], **_: Any) -> tuple[int, int]:
        """Forget the approvals; how many there were."""
        return sum(approvals.withdraw(one) for one in objects), 0

    def get_success_message(self, num_parent_objects: int, num_child_objects: int) -> str | None:  # noqa: ARG002 - Wagtail's signature
        """One sentence; none where nothing was done, which is told as a warning."""
        if not num_parent_objects:
            messages.warning(self.request, gettext("None of these images was approved."))
            return None
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


def _tell(request: HttpRequest | None, *, asked: int, made: int, left: int) -> None:
    if request is None:
        return
    if made:
        text = ngettext(
            "The background of %(count)d image is being removed.",
            "The backgrounds of %(count)d images are being removed.",
            made,
        )
        messages.success(request, text % {"count": made})
    if asked > made:
        text = ngettext(
            "The background of %(count)d image could not be removed now: the log of the site, and "
            "manage.py rembg_usage, tell why. The image is approved.",
            "The backgrounds of %(count)d images could not be removed now: the log of the site, "
            "and manage.py rembg_usage, tell why. The images are approved.",
            asked - made,
        )
        messages.warning(request, text % {"count": asked - made})
    if left:
        text = ngettext(
            "%(count)d more image is approved: its background is removed when a page shows it, "
            "or when you choose it here again.",
            "%(count)d more images are approved: their backgrounds are removed when a page shows "
            "them, or when you choose them here again.",
            left,
        )
        messages.warning(request, text % {"count": left})


def _tell_why_not(request: HttpRequest | None, problem: ConfigurationError) -> None:
    _log.error("Pictures are approved, but no cut-out can be made: %s", problem)
    if request is not None:
        text = gettext("The images are approved, but no background can be removed: %(problem)s")
        messages.error(request, text % {"problem": problem})
