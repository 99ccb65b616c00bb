"""What people decide about pictures."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Approval(models.Model):
    """One picture whose background may be removed, where ``REMBG["AUTO"]`` is False.

    It refers to the picture by name and number, so that it fits any image model and its
    migration stands on none of them; and to its file, since it holds for that one alone.
    """

    model = models.CharField(_("model"), max_length=100)
    object_pk = models.CharField(_("number"), max_length=64)
    file = models.CharField(_("file"), max_length=255, blank=True)
    who = models.CharField(_("who"), max_length=255, blank=True)
    given = models.DateTimeField(_("given"), auto_now_add=True)

    class Meta:
        """One for each picture; the permission is that of the bulk action."""

        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        default_permissions = ()
        permissions = (("use_credits", "Can remove backgrounds, which may cost credits"),)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=("model", "object_pk"), name="rembg_wagtail_one_approval"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model}:{self.object_pk}"
