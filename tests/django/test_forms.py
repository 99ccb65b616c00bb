from __future__ import annotations

import pytest
from core.pictures import encoded, png_of
from django import forms
from django.contrib.admin import AdminSite, ModelAdmin, TabularInline
from django.contrib.auth.models import AnonymousUser, User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.db.models import ImageField
from django_site.shop.models import Product
from wagtail.images.models import Image

from rembg_plugins.core import errors
from rembg_plugins.core.errors import ConfigurationError, FieldError, ResponseInfo
from rembg_plugins.core.limits import MAX_BYTES
from rembg_plugins.core.outcomes import OUTCOMES, outcome
from rembg_plugins.django import cutouts, form_errors
from rembg_plugins.django.forms import (
    CutoutAdminMixin,
    CutoutFormMixin,
    CutoutFormSetMixin,
    CutoutImageField,
)
from rembg_plugins.django.models import Call, Window

pytestmark = pytest.mark.django_db

KEY = "rmbg-a-secret-key"
PHOTO = encoded("JPEG")
OTHERS = [encoded("JPEG", size=(20, 10 + number)) for number in range(5)]
BOUND = {"hour": 2}


class ProductForm(CutoutFormMixin, forms.ModelForm):
    photo = CutoutImageField(per_visitor=BOUND, required=False)

    class Meta:
        model = Product
        fields = ("name", "photo")


class LooseForm(CutoutFormMixin, forms.Form):
    front = CutoutImageField(per_visitor={"day": 5})
    back = CutoutImageField(per_visitor={"day": 5}, required=False)


class PlainFormSet(CutoutFormSetMixin, forms.BaseFormSet):
    pass


def upload(content=PHOTO, name="photo.jpg"):
    return SimpleUploadedFile(name, content)


def form_of(request, content=PHOTO, *, name="Chair", cls=ProductForm, **options):
    files = {"photo": upload(content)} if content is not None else {}
    return cls({"name": name}, files, request=request, **options)


def codes(form, field="photo"):
    return [error.code for error in form.errors.as_data().get(field, [])]


def counted_pictures():
    return sum(Window.objects.filter(name__startswith="visitor").values_list("reserved", flat=True))


@pytest.fixture
def anonymous(rf):
    """Makes the request of a visitor: ``anonymous("192.0.2.1")``."""

    def make(address="192.0.2.1", user=None):
        request = rf.post("/", REMOTE_ADDR=address)
        request.user = user or AnonymousUser()
        return request

    return make


@pytest.fixture
def saves_cutouts(settings, site):
    """The storage by default is one that cuts out; with other options: ``(on_error="raise")``."""
    plain = settings.STORAGES["default"]

    def change(**options):
        options = {"wraps": "plain", "profile": "product", **options}
        cutting = {"BACKEND": "rembg_plugins.django.storage.CutoutStorage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "plain": plain, "default": cutting}

    change()
    return change


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        pytest.param(b"hello", "photo.jpg", "bad_signature", id="text"),
        pytest.param(b"<svg/>", "photo.svg", "unsupported_type", id="SVG"),
        pytest.param(png_of(10_001, 5), "photo.png", "too_wide", id="too wide"),
        pytest.param(PHOTO + bytes(MAX_BYTES), "photo.jpg", "too_large", id="too large"),
        pytest.param(encoded("TIFF")[:200], "photo.tiff", None, id="broken TIFF"),
    ],
)
def test_a_bad_picture_is_an_error_on_the_field_and_costs_nothing(
    counted, anonymous, content, name, reason
):
    form = ProductForm({"name": "A"}, {"photo": upload(content, name)}, request=anonymous())
    assert not form.is_valid()
    (error,) = form.errors.as_data()["photo"]
    assert error.code == "invalid"
    if reason is None:
        assert form.errors["photo"] == [form.fields["photo"].error_messages["invalid_image"]]
    else:
        assert error.params["reason"] == reason
    assert (counted.calls, counted_pictures()) == ([], 0)


def test_an_upload_that_django_refuses_is_refused_as_ever(counted, anonymous):
    form = ProductForm({"name": "A"}, {"photo": upload(b"")}, request=anonymous())
    assert codes(form) == ["empty"]
    bad_name = ProductForm({"name": "A"}, {"photo": upload(name="photo.txt")}, request=anonymous())
    assert codes(bad_name) == ["invalid_extension"]
    half = encoded("PNG", size=(200, 200))[:500]
    broken = ProductForm({"name": "A"}, {"photo": upload(half, "a.png")}, request=anonymous())
    assert not broken.is_valid()
    assert counted.calls == []


def test_the_texts_of_the_rules_may_be_the_sites_own(counted, anonymous):
    class GermanForm(ProductForm):
        photo = CutoutImageField(
            per_visitor=BOUND, error_messages={"too_wide": "Zu breit.", "too_large": "Zu groß."}
        )

    form = GermanForm({"name": "A"}, {"photo": upload(png_of(10_001, 5))}, request=anonymous())
    assert form.errors["photo"] == ["Zu breit."]


def test_it_is_paid_for_once_the_whole_form_is_valid_and_saving_is_free(
    counted, anonymous, saves_cutouts
):
    form = form_of(anonymous(), name="")
    assert (form.is_valid(), counted.calls) == (False, [])
    form = form_of(anonymous())
    assert form.is_valid()
    assert len(counted.calls) == 1
    assert form.cleaned_data["photo"].tell() == 0
    product = form.save()
    assert len(counted.calls) == 1
    assert product.photo.name == "products/photo.png"
    call = Call.objects.get()
    assert (call.picture, call.who, call.credits) == ("photo.jpg", "form:192.0.2.1", 1)


def test_the_same_picture_again_is_free_and_not_counted(counted, anonymous):
    for _ in range(4):
        assert form_of(anonymous()).is_valid()
    assert (len(counted.calls), counted_pictures()) == (1, 1)


def test_a_large_upload_that_lies_in_a_file_is_as_good(counted, anonymous, saves_cutouts):
    with TemporaryUploadedFile("photo.jpg", "image/jpeg", len(PHOTO), None) as file:
        file.write(PHOTO)
        file.seek(0)
        form = ProductForm({"name": "A"}, {"photo": file}, request=anonymous())
        assert form.is_valid()
        assert form.save().photo.size > 0
    assert len(counted.calls) == 1


def test_a_kind_that_the_api_does_not_take_is_re_encoded_and_paid_for_once(
    counted, anonymous, saves_cutouts
):
    form = ProductForm(
        {"name": "A"}, {"photo": upload(encoded("TIFF"), "a.tiff")}, request=anonymous()
    )
    assert form.is_valid()
    form.save()
    assert len(counted.calls) == 1


CLASSES = [cls for cls in OUTCOMES if issubclass(cls, errors.RembgError)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_whatever_goes_wrong_is_an_error_on_the_field_with_its_code(counted, anonymous, cls):
    told = FieldError(field="image", message=f"internals {KEY}", code="invalid")
    counted.script["each"] = cls(
        f"Wrong: {KEY}", errors=[told], sent="all", response=ResponseInfo(status=400, body=KEY)
    )
    form = form_of(anonymous())
    assert not form.is_valid()
    assert codes(form) == [outcome(cls).form_code]
    assert list(form.errors) == ["photo"]
    html = form.as_p()
    assert KEY not in html
    assert "API" not in html
    assert "internals" not in html
    assert "photo" not in form.cleaned_data


def test_there_is_a_text_for_every_code():
    names = {row.form_code for row in OUTCOMES.values()} - {"invalid"}
    assert names <= set(form_errors.MESSAGES)
    assert set(form_errors.MESSAGES) <= names | {"visitor_limit"}


def test_an_empty_account_is_told_once_to_the_api_and_to_every_visitor(counted, anonymous):
    counted.script["each"] = errors.PaymentRequiredError("no credits", sent="all")
    for content in OTHERS[:3]:
        assert codes(form_of(anonymous(), content)) == ["quota"]
    assert len(counted.calls) == 1
    assert counted_pictures() == 1  # what was not sent at all is not counted


def test_the_budget_of_the_site_is_an_error_on_the_field(counted, site, anonymous):
    site(BUDGET={"hour": 0})
    form = form_of(anonymous())
    assert codes(form) == ["budget"]
    assert (counted.calls, counted_pictures()) == ([], 0)
    assert form.errors["photo"] == [form_errors.MESSAGES["budget"]]


def test_a_visitor_may_send_so_many_new_pictures(counted, anonymous):
    for content in OTHERS[:2]:
        assert form_of(anonymous(), content).is_valid()
    form = form_of(anonymous(), OTHERS[2])
    assert codes(form) == ["budget"]
    assert form.errors["photo"] == [form_errors.MESSAGES["visitor_limit"]]
    assert form_of(anonymous(), OTHERS[0]).is_valid()  # the store has it
    assert form_of(anonymous("192.0.2.2"), OTHERS[2]).is_valid()
    assert len(counted.calls) == 3


def test_a_header_that_anybody_can_send_changes_nothing(counted, anonymous):
    for number, content in enumerate(OTHERS[:3]):
        request = anonymous()
        request.META["HTTP_X_FORWARDED_FOR"] = f"192.0.2.{number}"
        form = form_of(request, content)
        assert form.is_valid() == (number < 2)


def test_a_site_behind_a_proxy_says_where_the_address_stands(counted, anonymous):
    class ProxiedForm(ProductForm):
        def get_address(self, request):
            return request.META["HTTP_X_REAL_IP"]

    for number, content in enumerate(OTHERS[:3]):
        request = anonymous("127.0.0.1")
        request.META["HTTP_X_REAL_IP"] = f"192.0.2.{number}"
        assert form_of(request, content, cls=ProxiedForm).is_valid()


def test_a_user_is_counted_wherever_they_are(counted, anonymous):
    user = User.objects.create_user("ann")
    for number, content in enumerate(OTHERS[:3]):
        form = form_of(anonymous(f"192.0.2.{number}", user), content)
        assert form.is_valid() == (number < 2)
    assert set(Call.objects.values_list("who", flat=True)) == {"ann"}


def test_where_there_is_no_request_the_visitor_is_named(counted):
    for number, content in enumerate(OTHERS[:3]):
        form = ProductForm({"name": "A"}, {"photo": upload(content)}, visitor="kiosk 7")
        assert form.is_valid() == (number < 2)
    assert set(Call.objects.values_list("who", flat=True)) == {"form:kiosk 7"}


def test_a_field_without_a_bound_cannot_be_made():
    for bound in (None, {}, {"hour": None}, {"week": 5}, 7):
        with pytest.raises(ConfigurationError, match="per_visitor"):
            CutoutImageField(per_visitor=bound)
    with pytest.raises(ConfigurationError, match="per_visitor"):
        CutoutImageField()


def test_a_form_that_cannot_tell_its_visitors_apart_cannot_be_made(anonymous):
    with pytest.raises(ConfigurationError, match="request=request"):
        ProductForm()
    with pytest.raises(ConfigurationError, match="get_address"):
        ProductForm(request=anonymous(""))


def test_a_form_that_would_not_pay_is_refused():
    class Forgetful(forms.Form):
        photo = CutoutImageField(per_visitor=BOUND)

    with pytest.raises(ConfigurationError, match="must be a CutoutFormMixin"):
        Forgetful({}, {"photo": upload()}).is_valid()
    with pytest.raises(ConfigurationError, match="must stand before"):
        type("Wrong", (forms.Form, CutoutFormMixin), {})


def test_what_was_there_before_or_is_cleared_costs_nothing(counted, anonymous):
    product = form_of(anonymous()).save()
    unchanged = form_of(anonymous(), None, instance=product, name="B")
    assert unchanged.is_valid()
    unchanged.save()
    cleared = ProductForm(
        {"name": "B", "photo-clear": "on"}, {}, instance=product, request=anonymous()
    )
    assert cleared.is_valid()
    assert not cleared.save().photo
    empty = form_of(anonymous(), None)
    assert empty.is_valid()
    empty.save()
    unbound = ProductForm(request=anonymous())
    assert not unbound.is_valid()
    assert len(counted.calls) == 1


def test_a_picture_that_clean_puts_in_its_place_is_the_one_that_is_paid_for(counted, anonymous):
    class Swapping(ProductForm):
        def clean_photo(self):
            return ContentFile(OTHERS[0], "other.jpg")

    assert form_of(anonymous(), cls=Swapping).is_valid()
    assert cutouts.is_ready(OTHERS[0])
    assert not cutouts.is_ready(PHOTO)


def test_of_several_fields_none_is_paid_for_after_one_that_failed(counted, anonymous):
    counted.script[1] = errors.APIConnectionError("no", sent="nothing")
    files = {"x-front": upload(OTHERS[0]), "x-back": upload(OTHERS[1])}
    form = LooseForm({}, files, prefix="x", request=anonymous())
    assert (form.is_valid(), list(form.errors)) == (False, ["front"])
    assert len(counted.calls) == 1
    cutouts.failures().forget(cutouts.key_for(OTHERS[0]))
    form = LooseForm({}, files, prefix="x", request=anonymous())
    assert form.is_valid()
    assert len(counted.calls) == 3


def formset_of(request, *, base, contents, deleted=(), names=None):
    cls = forms.formset_factory(ProductForm, formset=base, can_delete=True, extra=0)
    data = {"form-TOTAL_FORMS": str(len(contents)), "form-INITIAL_FORMS": "0"}
    files = {}
    for number, content in enumerate(contents):
        data[f"form-{number}-name"] = (names or {}).get(number, "A")
        files[f"form-{number}-photo"] = upload(content)
        if number in deleted:
            data[f"form-{number}-DELETE"] = "on"
    return cls(data, files, form_kwargs={"request": request})


def test_a_formset_pays_once_all_of_its_forms_are_valid(counted, anonymous):
    options = {"base": PlainFormSet, "contents": OTHERS[:2]}
    assert not formset_of(anonymous(), names={1: ""}, **options).is_valid()
    assert counted.calls == []
    assert formset_of(anonymous(), **options).is_valid()
    assert len(counted.calls) == 2


@pytest.mark.parametrize("base", [PlainFormSet, forms.BaseFormSet])
def test_a_form_that_is_deleted_is_not_paid_for(counted, anonymous, base):
    assert formset_of(anonymous(), base=base, contents=OTHERS[:2], deleted={1}).is_valid()
    assert len(counted.calls) == 1


def test_a_formset_is_invalid_where_one_of_its_pictures_cannot_be_had(counted, anonymous):
    formset = formset_of(anonymous(), base=PlainFormSet, contents=OTHERS[:4])
    assert not formset.is_valid()
    assert [list(found) for found in formset.errors] == [[], [], ["photo"], []]
    assert len(counted.calls) == 2


class ProductAdmin(CutoutAdminMixin, ModelAdmin):
    form = ProductForm


def test_the_admin_counts_the_pictures_of_its_user(counted, anonymous, saves_cutouts):
    user = User.objects.create_superuser("boss")
    admin = ProductAdmin(Product, AdminSite())
    for number, content in enumerate(OTHERS[:3]):
        request = anonymous(user=user)
        form = admin.get_form(request)({"name": "A"}, {"photo": upload(content)})
        assert form.is_valid() == (number < 2)
        if form.is_valid():  # as the admin saves
            form.save(commit=False).save()
            form.save_m2m()
    assert set(Call.objects.values_list("who", flat=True)) == {"boss"}
    assert (len(counted.calls), Product.objects.count()) == (2, 2)


class ImageForm(CutoutFormMixin, forms.ModelForm):
    file = CutoutImageField(per_visitor=BOUND)

    class Meta:
        model = Image
        fields = ("title", "file")


class ImageInline(CutoutAdminMixin, TabularInline):
    model = Image
    form = ImageForm


def test_an_inline_of_the_admin_counts_for_its_user_as_well(counted, anonymous):
    user = User.objects.create_superuser("boss")
    inline = ImageInline(User, AdminSite())
    cls = inline.get_formset(anonymous(user=user))
    prefix = cls.get_default_prefix()
    data = {f"{prefix}-TOTAL_FORMS": "1", f"{prefix}-INITIAL_FORMS": "0"}
    data[f"{prefix}-0-title"] = "A"
    assert cls(data, {f"{prefix}-0-file": upload()}, instance=user).is_valid()
    assert Call.objects.get().who == "boss"


def test_the_page_of_the_admin_shows_what_is_wrong(counted, rf):
    counted.script["each"] = errors.PaymentRequiredError("no credits", sent="all")
    admin = ProductAdmin(Product, AdminSite())
    request = rf.post("/", {"name": "A", "photo": upload()})
    request._dont_enforce_csrf_checks = True
    request.user = User.objects.create_superuser("boss")
    page = admin.add_view(request)
    assert list(page.context_data["errors"]) == [[form_errors.MESSAGES["quota"]]]
    assert Product.objects.count() == 0


def test_a_field_of_the_model_can_be_made_one_of_these(counted, anonymous):
    class OverridingAdmin(CutoutAdminMixin, ModelAdmin):
        form = type("Form", (CutoutFormMixin, forms.ModelForm), {})
        formfield_overrides = {  # noqa: RUF012 - as Django's documentation writes it
            ImageField: {"form_class": CutoutImageField, "per_visitor": {"day": 1}}
        }

    request = anonymous(user=User.objects.create_superuser("boss"))
    form = OverridingAdmin(Product, AdminSite()).get_form(request)
    assert isinstance(form({"name": "A"}, {}).fields["photo"], CutoutImageField)
    assert form({"name": "A"}, {"photo": upload()}).is_valid()
    assert len(counted.calls) == 1


def test_a_site_that_prefers_the_original_accepts_the_form(counted, site, anonymous, saves_cutouts):
    site(ON_ERROR="original")
    counted.script["each"] = errors.PaymentRequiredError("no credits", sent="all")
    form = form_of(anonymous())
    assert form.is_valid()
    assert form.save().photo
    assert len(counted.calls) == 1


def test_a_cut_out_of_the_sites_own_costs_nothing_and_is_not_counted(
    counted, anonymous, saves_cutouts
):
    kept = form_of(anonymous()).save().photo
    with kept.open("rb") as file:
        content = file.read()
    form = form_of(anonymous("192.0.2.2"), content)
    assert form.is_valid()
    assert form.cleaned_data["photo"].tell() == 0
    with form.save().photo.open("rb") as file:
        assert file.read() == content
    assert (len(counted.calls), counted_pictures()) == (1, 1)
    saves_cutouts(profile=None)  # other options: to them it is a picture like any other
    assert form_of(anonymous("192.0.2.2"), content).is_valid()
    assert (len(counted.calls), counted_pictures()) == (2, 2)


@pytest.mark.parametrize("own", ["raise", "original"])
@pytest.mark.parametrize("of_site", ["raise", "original"])
def test_the_policy_of_the_storage_is_that_of_the_form(
    counted, site, anonymous, saves_cutouts, own, of_site
):
    saves_cutouts(on_error=own)
    site(ON_ERROR=of_site)
    counted.script["each"] = errors.PaymentRequiredError("no credits", sent="all")
    form = form_of(anonymous())
    if own == "raise":
        assert codes(form) == ["quota"]
    else:
        assert form.save().photo.size > 0
    assert len(counted.calls) == 1


def test_a_storage_without_its_profile_is_an_error_on_the_field(
    counted, site, anonymous, saves_cutouts
):
    saves_cutouts(profile="nosuch", on_error="original")
    assert codes(form_of(anonymous())) == ["configuration"]
    assert counted.calls == []


def test_even_then_no_visitor_goes_past_the_bound_and_no_bad_picture_in(counted, site, anonymous):
    site(ON_ERROR="original")
    for content in OTHERS[:2]:
        assert form_of(anonymous(), content).is_valid()
    assert codes(form_of(anonymous(), OTHERS[2])) == ["budget"]
    counted.script["each"] = errors.InvalidRequestError("no", sent="all")
    assert codes(form_of(anonymous("192.0.2.9"), OTHERS[3])) == ["invalid"]


def test_a_deferred_form_leaves_it_to_a_task(
    counted, site, anonymous, django_capture_on_commit_callbacks
):
    site(DEFER=True)
    with django_capture_on_commit_callbacks(execute=True):
        form = form_of(anonymous())
        assert form.is_valid()
        assert counted.calls == []
        form.save()
        assert counted.calls == []
    assert cutouts.is_ready(PHOTO)
    assert (len(counted.calls), counted_pictures()) == (1, 1)
    with django_capture_on_commit_callbacks(execute=True):
        product = form_of(anonymous(), OTHERS[0]).save(commit=False)
    assert len(counted.calls) == 1
    with django_capture_on_commit_callbacks(execute=True):
        form = form_of(anonymous(), OTHERS[0], instance=product)
        assert not form.is_valid()  # another new picture: it was counted, and never saved
    assert len(counted.calls) == 1


def test_a_deferred_form_that_others_save_asks_for_a_task_then(
    counted, site, anonymous, django_capture_on_commit_callbacks
):
    site(DEFER=True)
    with django_capture_on_commit_callbacks(execute=True):
        form = form_of(anonymous())
        form.save(commit=False).save()
        form.save_m2m()
    assert cutouts.is_ready(PHOTO)
    with django_capture_on_commit_callbacks() as callbacks:
        form = form_of(anonymous(), None, instance=Product.objects.get(), name="B")
        form.save()
    assert callbacks == []


def test_what_is_cut_out_on_saving_is_paid_for_in_the_form_even_if_deferred(
    counted, site, anonymous, saves_cutouts
):
    site(DEFER=True)
    counted.script["each"] = errors.PaymentRequiredError("no credits", sent="all")
    assert codes(form_of(anonymous())) == ["quota"]
