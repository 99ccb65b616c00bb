"""What was spent, and what may still be."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Call(models.Model):
    """One call of an engine: begun before the picture is sent, and never deleted by this package.

    It refers to users and pictures by name, so that it outlives both and needs no table of theirs.
    The hour is kept as text beside the moment: it is UTC whatever ``USE_TZ`` says, names the
    windows of the budget, and is summed up alike on every database.
    """

    class Outcome(models.TextChoices):
        """What became of it."""

        UNDER_WAY = "under_way", _("under way")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        IN_DOUBT = "in_doubt", _("in doubt")

    began = models.DateTimeField(_("began"), db_index=True)
    hour = models.CharField(_("hour (UTC)"), max_length=13, db_index=True)
    seconds = models.FloatField(_("seconds"), null=True)
    key = models.CharField(_("key"), max_length=64, db_index=True)
    picture = models.CharField(_("picture"), max_length=255, blank=True)
    who = models.CharField(_("who"), max_length=255, blank=True)
    engine = models.CharField(_("engine"), max_length=255)
    credits = models.PositiveSmallIntegerField(_("credits"), default=0)
    outcome = models.CharField(
        _("outcome"), max_length=16, choices=Outcome, default=Outcome.UNDER_WAY
    )
    error = models.CharField(_("error"), max_length=255, blank=True)
    forgiven = models.BooleanField(_("forgiven"), default=False)

    class Meta:
        """Newest first; nothing is changed by hand."""

        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering: ClassVar[list[str]] = ["-began", "-pk"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.picture or self.key[:12]} ({self.engine}, {self.outcome})"


class Window(models.Model):
    """How many credits are reserved in one hour or day, or by one visitor in it.

    The bound is compared and the number raised in one statement, so that no bound is passed by
    calls that begin at once, on any database.
    """

    name = models.CharField(max_length=255, primary_key=True)
    reserved = models.PositiveIntegerField(default=0)
    ends = models.DateTimeField(db_index=True)

    class Meta:
        """For no one's eyes."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.reserved}"
