"""The ledger in the admin: for reading alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from rembg_plugins.django.models import Call
from rembg_plugins.django.usage import by_day

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    _Admin = admin.ModelAdmin[Call]
else:
    _Admin = admin.ModelAdmin  # takes no types at run time

_DAYS = 14


@admin.register(Call)
class CallAdmin(_Admin):
    """Lists calls; nobody adds, changes or deletes one, superusers neither."""

    list_display = ("began", "picture", "who", "engine", "credits", "outcome", "error")
    list_filter = ("outcome", "began", "engine", "forgiven")
    search_fields = ("picture", "who", "key", "error")
    search_help_text = "Picture, person, key of the cut-out, or text of the error."
    show_full_result_count = False  # it would count the whole ledger for each page
    list_per_page = 100
    fields = (
        *("began", "hour", "seconds", "picture", "who", "key"),
        *("engine", "credits", "outcome", "error", "forgiven"),
    )
    actions = None
    change_list_template = "admin/rembg/call/change_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: calls are written down when they are made."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        """No: what was spent was spent."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        """No: a call that may have been paid for counts for ever."""
        del request, obj
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and the sums of what it shows by day."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:  # else it sends the browser elsewhere: the filters made no sense
            context["days"] = by_day(context["cl"].queryset)[:_DAYS]
        return response
