"""A form field whose picture loses its background, with what may go wrong told on the field."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.files.base import File
from django.db.models.fields.files import FieldFile
from django.forms.formsets import DELETION_FIELD_NAME

from rembg_plugins.core.errors import ConfigurationError, RembgError
from rembg_plugins.core.errors import ValidationError as PictureError
from rembg_plugins.core.validation import validate
from rembg_plugins.django import cutouts, deferral, form_errors, outputs
from rembg_plugins.django.incoming import picture_in
from rembg_plugins.django.purpose import Purpose
from rembg_plugins.django.settings import current
from rembg_plugins.django.storage import CutoutStorage
from rembg_plugins.django.visitors import (
    Visitor,
    VisitorError,
    bound_of,
    reserve,
    visitor_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.files.storage import Storage
    from django.http import HttpRequest

    _Form = forms.BaseModelForm[Any]
    _FormSet = forms.BaseFormSet[Any]
else:
    _Form = _FormSet = object

_log = logging.getLogger(__name__)


class CutoutImageField(forms.ImageField):
    """A picture that is to lose its background; for forms with :class:`CutoutFormMixin`.

    ``clean()`` looks at its size, kind and signature and spends nothing. The form has it cut out
    once all else is valid, and then the store has the cut-out: what is saved or made of it later
    costs nothing.

    Args:
        per_visitor: How many new pictures one user, or one address, may send in an hour and in a
            day, UTC: ``{"hour": 5, "day": 20}``, or one of the two. There must be a bound.
        **options: Those of ``ImageField``.

    Raises:
        ConfigurationError: There is no bound.
    """

    default_error_messages: ClassVar[dict[str, Any]] = dict(form_errors.MESSAGES)

    def __init__(self, *, per_visitor: object = None, **options: Any) -> None:
        """Refuse to be without a bound."""
        self.per_visitor = bound_of({} if per_visitor is None else per_visitor)
        super().__init__(**options)

    def to_python(self, data: Any) -> Any:
        """The file, if it is one that the API takes; nothing is sent.

        Raises:
            django.core.exceptions.ValidationError: It is not; the code is ``"invalid"``.
        """
        file = forms.FileField.to_python(self, data)
        if file is None:
            return None
        try:
            # Before Django's own check, which reads all of it into memory.
            validate(file, name=file.name, transcode=True)
        except PictureError as error:
            raise form_errors.of_picture(error, self.error_messages) from error
        return super().to_python(data)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        """The field within a form.

        Raises:
            ConfigurationError: The form would not have it cut out.
        """
        if not isinstance(form, CutoutFormMixin):
            message = (
                f"{type(form).__name__} has a CutoutImageField, {field_name!r}, and must be a "
                "CutoutFormMixin: class YourForm(CutoutFormMixin, forms.ModelForm)."
            )
            raise ConfigurationError(message)
        return super().get_bound_field(form, field_name)


class CutoutFormMixin(_Form):
    """Has the pictures of a form cut out, once it is valid; stands before ``Form``, ``ModelForm``.

    Under ``REMBG["DEFER"]`` they are left to a task, which is asked for when the form's object is
    saved; not so where the model's field has a ``CutoutStorage``, which cuts out on saving.

    Args:
        request: The request, of whose user or address the pictures are counted.
        visitor: Who sends the pictures, where there is no request.

    Raises:
        ConfigurationError: There is neither, or the request has no address.
    """

    cutout_request: HttpRequest | None = None
    """Of the class, where others make the forms: see :class:`CutoutAdminMixin`."""

    waits_for_formset = False
    """Whether others have to be valid as well: see :class:`CutoutFormSetMixin`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse to be skipped by the forms' own methods."""
        super().__init_subclass__(**options)
        order = cls.__mro__
        if forms.BaseForm in order and order.index(CutoutFormMixin) > order.index(forms.BaseForm):
            message = f"CutoutFormMixin must stand before the other bases of {cls.__name__}."
            raise ConfigurationError(message)

    def __init__(
        self,
        *args: Any,
        request: HttpRequest | None = None,
        visitor: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Find out whose pictures they are, before there are any."""
        super().__init__(*args, **kwargs)
        request = request or self.cutout_request
        if visitor:
            self.visitor = Visitor(who=f"form:{visitor}", identity=f"visitor {visitor}")
        elif request is not None:
            self.visitor = visitor_of(request, self.get_address)
        else:
            message = (
                f"{type(self).__name__} needs request=request, or visitor='...', since the "
                "pictures of one visitor are bounded; a formset: form_kwargs={'request': request}."
            )
            raise ConfigurationError(message)

    def get_address(self, request: HttpRequest) -> str:
        """The address of a visitor who is not logged in; a site behind a proxy has its own way.

        No header is trusted here: anybody can send one.
        """
        address: str = request.META.get("REMOTE_ADDR", "")
        return address

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # of BaseForm; the stubs lack it
        if not self.errors and not self.waits_for_formset:
            self.pay_for_cutouts()

    def pay_for_cutouts(self) -> None:
        """Have the new pictures cut out; at the first that fails, the form becomes invalid."""
        for name, field, file in self._new_pictures():
            if self._is_deferred(name):
                error = _counted(field, file, self.visitor)
            else:
                error = _paid_for(field, file, self.visitor, storage=self._storage_of(name))
            if error is not None:
                self.add_error(name, form_errors.of_call(error, field.error_messages))
                return

    def _save_m2m(self) -> None:
        """After the object was saved, whoever did it: the form's ``save()`` or the admin."""
        super()._save_m2m()  # type: ignore[misc]  # of BaseModelForm; the stubs lack it
        for name, _, _ in self._new_pictures():
            if self._storage_of(name) is not None and self._is_deferred(name):
                deferral.request_cutout(self.instance, name)

    def _new_pictures(self) -> Iterator[tuple[str, CutoutImageField, File[Any]]]:
        """Those that were sent now; not what the object had before, and not what is deleted."""
        if self.cleaned_data.get(DELETION_FIELD_NAME):
            return
        for name, field in self.fields.items():
            file = self.cleaned_data.get(name)
            if not isinstance(field, CutoutImageField) or name not in self.changed_data:
                continue
            if isinstance(file, File) and not isinstance(file, FieldFile):
                yield name, field, file

    def _is_deferred(self, name: str) -> bool:
        return current().defer and not _cuts_out(self._storage_of(name))

    def _storage_of(self, name: str) -> Storage | None:
        """That of the model's field, where the form has a model, and the model the field."""
        instance = getattr(self, "instance", None)
        return getattr(getattr(instance, name, None), "storage", None)


class CutoutFormSetMixin(_FormSet):
    """Pays for the pictures of a formset once all of its forms are valid, and it is itself.

    It stands before ``BaseFormSet`` or ``BaseModelFormSet``; without it, each form pays for
    itself.
    """

    def full_clean(self) -> None:
        """Clean all forms, then pay."""
        for form in self.forms:
            form.waits_for_formset = True
        super().full_clean()
        if not self.is_bound or self.non_form_errors() or any(self.errors):
            return
        for form in self.forms:
            if form.is_valid() and form.has_changed():
                form.pay_for_cutouts()
            if any(self.errors):  # they are the forms' own
                return


class CutoutAdminMixin:
    """Gives the request to the forms of a ``ModelAdmin``, or of an inline; stands before it."""

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The class of the forms, made for this request."""
        form: Any = super().get_form(request, *args, **kwargs)  # type: ignore[misc]  # ModelAdmin's
        form.cutout_request = request
        return form

    def get_formset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The class of an inline's formset, made for this request."""
        formset: Any = super().get_formset(request, *args, **kwargs)  # type: ignore[misc]  # an inline's
        formset.form.cutout_request = request
        return formset


def _counted(field: CutoutImageField, file: File[Any], visitor: Visitor) -> RembgError | None:
    """Count a picture for a task to come, unless the store has its cut-out; or why that cannot be.

    Whatever a task may meet is not known yet: only a visitor's bound is looked at.
    """
    try:
        if not cutouts.is_ready(file):
            reserve(visitor, field.per_visitor)
    except RembgError as error:
        return error
    return None


def _paid_for(
    field: CutoutImageField, file: File[Any], visitor: Visitor, *, storage: Storage | None
) -> RembgError | None:
    """See to it that the store has the cut-out; or why it has not, and the form is not valid.

    A picture of which nothing was sent is not counted, and neither is one that the store has, or
    one that the storage would keep as it is.
    """
    give_back: Callable[[], None] | None = None
    policy = "raise"  # as long as the settings themselves are looked at: saving would raise as well
    try:
        if _is_kept_as_it_is(file, storage):
            return None
        own = storage.on_error if isinstance(storage, CutoutStorage) else None
        policy = own or current().on_error
        if cutouts.is_ready(file):
            return None
        give_back = reserve(visitor, field.per_visitor)
        cutouts.remove(file, purpose=Purpose(picture=file.name or "", who=visitor.who))
    except (VisitorError, PictureError) as error:
        # Whatever the site accepts: on saving, it would be paid for past the bound.
        return _given_back(error, give_back)
    except RembgError as error:
        if policy == "raise":
            return _given_back(error, give_back)
        _log.warning("A form is accepted without the cut-out of %s: %s", file.name, error)
    return None


def _given_back(error: RembgError, give_back: Callable[[], None] | None) -> RembgError:
    if give_back is not None and error.sent == "nothing":
        give_back()
    return error


def _is_kept_as_it_is(file: File[Any], storage: Storage | None) -> bool:
    """Whether saving would cut nothing out: it is one of the site's own cut-outs."""
    if not isinstance(storage, CutoutStorage):
        return False
    picture = picture_in(file, file.name or "")
    return picture is not None and outputs.is_output(picture, storage.options)


def _cuts_out(storage: Storage | None) -> bool:
    """Whether saving to it cuts out."""
    return isinstance(storage, CutoutStorage)
