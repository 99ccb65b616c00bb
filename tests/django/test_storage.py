"""The storage that removes backgrounds, over files and over memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile

import pytest
from core.pictures import FOREIGN, SIZE, drawn, encoded
from django.core.exceptions import SuspiciousFileOperation, SynchronousOnlyOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages
from django.core.files.uploadedfile import (
    InMemoryUploadedFile,
    SimpleUploadedFile,
    TemporaryUploadedFile,
)
from PIL import Image

from rembg_plugins.core.errors import (
    ConfigurationError,
    PaymentRequiredError,
    SpendingError,
    ValidationError,
)
from rembg_plugins.core.options import Options
from rembg_plugins.django import cutouts, incoming
from rembg_plugins.django.models import Call
from rembg_plugins.django.purpose import Purpose, on_behalf
from rembg_plugins.django.storage import CutoutStorage

pytestmark = pytest.mark.django_db

PHOTO = encoded("JPEG")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
OTHERS = {
    "text": b"just text",
    "SVG": SVG,
    "SVG with a declaration": b'<?xml version="1.0"?>' + SVG,
    "PDF": b"%PDF-1.7 ...",
    "nothing": b"",
    "a broken picture": b"\xff\xd8\xff" + b"\0" * 100,
}


class Stream(io.RawIOBase):
    """What one can read once, from the beginning to the end."""

    def __init__(self, content):
        self.rest = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.rest.readinto(buffer)


def temporary(content, name="photo.jpg"):
    file = TemporaryUploadedFile(name, "image/jpeg", len(content), None)
    file.write(content)
    file.seek(0)
    return file


def in_memory(content, name="photo.jpg"):
    return InMemoryUploadedFile(io.BytesIO(content), "f", name, "image/jpeg", len(content), None)


KINDS = {
    "ContentFile": ContentFile,
    "SimpleUploadedFile": lambda content: SimpleUploadedFile("photo.jpg", content, "image/jpeg"),
    "InMemoryUploadedFile": in_memory,
    "TemporaryUploadedFile": temporary,
    "File": lambda content: File(io.BytesIO(content), "photo.jpg"),
    "a file that is not Django's": io.BytesIO,
    "a file that cannot seek": lambda content: File(Stream(content), "photo.jpg"),
    "a stream that is not Django's": Stream,
}


@pytest.fixture(params=["files", "memory"])
def storage(request, site, settings, counted):
    """PNG cut-outs on white, over either of Django's storages."""
    if request.param == "memory":
        memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = {**settings.STORAGES, "default": memory}
    return CutoutStorage(profile="product")


@pytest.fixture
def failing(counted):
    """Lets each call fail, as without credits."""
    counted.script["each"] = PaymentRequiredError("no credits", billed=False)
    return counted


def content_of(storage, name):
    with storage.open(name) as file:
        return file.read()


def image_of(storage, name):
    image = Image.open(io.BytesIO(content_of(storage, name)))
    image.load()
    return image


# --- what is saved ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_picture_loses_its_background_whatever_file_it_comes_in(storage, counted, make):
    with make(PHOTO) as content:
        assert storage.save("a/photo.jpg", content) == "a/photo.png"
        assert not content.closed
    expected = cutouts.remove(PHOTO, Options(format="PNG", bg_color="white"))
    assert content_of(storage, "a/photo.png") == expected.content
    assert image_of(storage, "a/photo.png").size == SIZE
    assert counted.calls == [hashlib.sha256(PHOTO).hexdigest()]


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_is_no_picture_is_kept_as_it_comes(storage, counted, make, other):
    with make(other) as content:
        assert storage.save("photo.jpg", content) == "photo.jpg"
        assert not content.closed
    assert content_of(storage, "photo.jpg") == other
    assert counted.calls == []


@pytest.mark.parametrize("text", [ContentFile("grün"), io.StringIO("grün")])
def test_text_is_kept_as_it_comes(storage, counted, text):
    text.seek(0)
    assert storage.save("notes.txt", text) == "notes.txt"
    assert content_of(storage, "notes.txt").decode() == "grün"


@pytest.mark.parametrize("format_", FOREIGN)
def test_a_kind_that_the_api_does_not_take_is_cut_out_too(storage, counted, format_):
    name = storage.save(f"a{format_}.tiff", ContentFile(FOREIGN[format_]))
    assert image_of(storage, name).format == "PNG"
    assert len(counted.calls) == 1


def test_the_whole_file_is_taken_wherever_it_was_read_to(storage, counted):
    with io.BytesIO(PHOTO) as content:
        content.seek(100)
        storage.save("photo.jpg", content)
    assert counted.calls == [hashlib.sha256(PHOTO).hexdigest()]


def test_a_copy_of_a_large_stream_lies_on_the_disk(storage, counted, settings, monkeypatch):
    made = []

    class Watched(tempfile.SpooledTemporaryFile):
        def rollover(self):
            made.append(self)
            super().rollover()

    monkeypatch.setattr(incoming, "SpooledTemporaryFile", Watched)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    storage.save("large.txt", Stream(b"x" * 200_000))
    assert len(made) == 1
    assert made[0].closed
    assert storage.size("large.txt") == 200_000


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("photo.jpg", "photo.png"),
        ("photo.JPEG", "photo.png"),
        ("photo.PNG", "photo.PNG"),
        ("photo", "photo.png"),
        ("photo.pdf", "photo.png"),
        ("photo.v2", "photo.v2.png"),
        ("v1.2/photo.tar.webp", "v1.2/photo.tar.png"),
        (".jpg", ".jpg.png"),
    ],
)
def test_a_picture_gets_the_extension_of_its_new_format(storage, given, expected):
    assert storage.save(given, ContentFile(PHOTO)) == expected


@pytest.mark.parametrize(
    ("profile", "extension"), [(None, ".webp"), ("jpeg", ".jpg"), ("product", ".png")]
)
def test_the_profile_decides_the_format(site, counted, profile, extension):
    site(PROFILES={"jpeg": {"format": "JPEG"}, "product": {"format": "PNG"}})
    storage = CutoutStorage(profile=profile)
    name = storage.save("photo.webp", ContentFile(PHOTO))
    assert name == f"photo{extension}"
    image = image_of(storage, name)
    assert image.format == cutouts.remove(PHOTO, storage.options).format
    assert image.mode == ("RGB" if profile == "jpeg" else "RGBA")


@pytest.mark.parametrize(
    ("given", "expected"),
    [("photo.jpg", "photo.png"), ("photo.tif", "photo.png"), ("a.txt", "a.txt"), ("b", "b")],
)
def test_a_name_has_the_new_extension_before_the_file_is_there(storage, given, expected):
    assert storage.generate_filename(f"a/./{given}") == f"a/{expected}"
    assert storage.get_available_name(given) == expected
    storage.wrapped.save(expected, ContentFile(b"taken"))
    other = storage.get_available_name(given)
    assert other != expected
    assert other.rpartition(".")[2] == expected.rpartition(".")[2] or "." not in expected


def test_what_turns_out_to_be_no_picture_keeps_the_name_that_was_asked_for(storage):
    name = storage.generate_filename("notes.jpg")
    assert name == "notes.png"
    assert storage.save(name, ContentFile(b"text")) == "notes.jpg"
    assert storage.save(name, ContentFile(PHOTO)) == "notes.png"


def test_no_file_is_overwritten(storage, counted):
    first = storage.save("photo.jpg", ContentFile(PHOTO))
    second = storage.save("photo.webp", ContentFile(encoded("WEBP", "L")))
    assert first == "photo.png"
    assert second.startswith("photo_")
    assert second.endswith(".png")
    assert len(counted.calls) == 2


def test_files_are_overwritten_where_the_other_storage_does_so(site, settings, counted):
    overwriting = {**settings.STORAGES["default"], "OPTIONS": {"allow_overwrite": True}}
    settings.STORAGES = {**settings.STORAGES, "default": overwriting}
    storage = CutoutStorage(profile="product")
    names = {storage.save("photo.jpg", ContentFile(each)) for each in (PHOTO, encoded("PNG", "L"))}
    assert names == {"photo.png"}


@pytest.mark.parametrize("content", [PHOTO, b"text"], ids=["picture", "text"])
def test_a_name_is_cut_to_the_greatest_length(storage, counted, content):
    name = storage.save("a-very-long-name.jpeg", ContentFile(content), max_length=18)
    assert len(name) == 18
    assert name.endswith(".png" if content == PHOTO else ".jpeg")


@pytest.mark.parametrize(
    ("name", "max_length"),
    [("photo.jpg", 3), ("../photo.jpg", None), ("/photo.jpg", None), ("", 9)],
)
def test_nothing_is_paid_for_a_name_that_cannot_be(storage, counted, name, max_length):
    with pytest.raises(SuspiciousFileOperation):
        storage.save(name, ContentFile(PHOTO), max_length=max_length)
    assert counted.calls == []


def test_a_file_without_a_name_is_asked_for_its_own(storage):
    assert storage.save(None, ContentFile(PHOTO, "photo.jpg")) == "photo.png"


# --- what costs nothing -----------------------------------------------------------------------


def test_the_same_bytes_are_paid_for_once(storage, counted):
    names = [storage.save(name, ContentFile(PHOTO)) for name in ("a.jpg", "b.jpg", "a.jpg")]
    assert len({content_of(storage, name) for name in names}) == 1
    assert len(counted.calls) == 1


def test_a_cut_out_that_is_saved_again_is_kept_byte_for_byte(storage, counted):
    name = storage.save("photo.jpg", ContentFile(PHOTO))
    with storage.open(name) as file:
        copy = storage.save(name, file)
    assert copy != name
    assert content_of(storage, copy) == content_of(storage, name)
    assert len(counted.calls) == 1


def test_a_cut_out_of_another_profile_is_a_picture_like_any_other(site, counted):
    site(PROFILES={"a": {"format": "PNG"}, "b": {"format": "PNG", "w": 10}})
    one, other = CutoutStorage(profile="a"), CutoutStorage(profile="b")
    with one.open(one.save("photo.jpg", ContentFile(PHOTO))) as file:
        assert image_of(other, other.save("photo.jpg", file)).width == 10
    assert len(counted.calls) == 2


def test_looking_at_a_file_calls_no_engine(storage, counted):
    name = storage.save("a/photo.jpg", ContentFile(PHOTO))
    counted.script["each"] = AssertionError("called")
    assert storage.exists(name)
    assert not storage.exists("a/photo.jpg")
    assert storage.url(name).endswith("/a/photo.png")
    assert storage.listdir("a") == ([], ["photo.png"])
    assert storage.size(name) == len(content_of(storage, name))
    times = (storage.get_accessed_time, storage.get_created_time, storage.get_modified_time)
    assert [time(name) for time in times] == [
        getattr(storage.wrapped, time.__name__)(name) for time in times
    ]
    assert storage.get_valid_name("a b.jpg") == "a_b.jpg"
    assert storage.get_alternative_name("a", ".jpg").startswith("a_")
    assert not storage.is_name_available(name)
    storage.delete(name)
    assert storage.is_name_available(name)


# --- errors -----------------------------------------------------------------------------------


def test_an_error_comes_out_and_nothing_is_kept(storage, failing):
    with pytest.raises(PaymentRequiredError):
        storage.save("photo.jpg", ContentFile(PHOTO))
    assert not storage.exists("photo.png")


@pytest.mark.parametrize("where", ["argument", "setting"])
@pytest.mark.parametrize("photo", [PHOTO, FOREIGN["TIFF"], encoded("PNG", "RGBA")])
def test_the_original_is_kept_in_the_promised_format(site, failing, where, photo):
    site(
        PROFILES={"small": {"format": "WEBP", "w": 20, "mask": True}},
        **({"ON_ERROR": "original"} if where == "setting" else {}),
    )
    on_error = "original" if where == "argument" else None
    storage = CutoutStorage(profile="small", on_error=on_error)
    assert storage.save("photo.jpg", ContentFile(photo)) == "photo.webp"
    image = image_of(storage, "photo.webp")
    assert (image.format, image.width) == ("WEBP", 20)
    assert image.convert("RGB").resize((1, 1)).getpixel((0, 0)) != (255, 255, 255)


def test_an_original_that_was_kept_is_cut_out_when_it_is_saved_again(site, failing):
    storage = CutoutStorage(profile="product", on_error="original")
    name = storage.save("photo.jpg", ContentFile(PHOTO))
    assert image_of(storage, name).getextrema() != ((255, 255),) * 3
    failing.script.clear()
    cutouts.failures().forget(cutouts.key_for(content_of(storage, name)))
    with storage.open(name) as file:
        again = storage.save(name, file)
    assert content_of(storage, again) != content_of(storage, name)


def test_an_original_that_cannot_be_decoded_is_kept_as_it_came(site, failing, caplog):
    broken = PHOTO[: len(PHOTO) // 2]
    storage = CutoutStorage(profile="product", on_error="original")
    assert storage.save("photo.jpg", ContentFile(broken)) == "photo.jpg"
    assert content_of(storage, "photo.jpg") == broken
    assert "photo.png is kept as it came" in caplog.text


@pytest.mark.parametrize("on_error", ["raise", "original"])
def test_a_picture_that_is_too_large_is_not_sent(site, counted, on_error):
    storage = CutoutStorage(profile="product", on_error=on_error)
    wide = encoded("PNG", "1", (10_001, 1))
    if on_error == "raise":
        with pytest.raises(ValidationError):
            storage.save("photo.jpg", ContentFile(wide))
    else:
        assert image_of(storage, storage.save("photo.jpg", ContentFile(wide))).width == 10_001
    assert counted.calls == []


def test_the_budget_holds_for_what_is_saved(site, counted):
    site(BUDGET={"hour": 1})
    storage = CutoutStorage()
    storage.save("a.jpg", ContentFile(PHOTO))
    with pytest.raises(SpendingError):
        storage.save("b.jpg", ContentFile(encoded("JPEG", "L")))
    assert len(counted.calls) == 1


# Pitfall: a storage in the place of its alias cannot be written into a queue or a migration.
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"wraps": None}, "OPTIONS of CutoutStorage: give text"),
        ({"wraps": FileSystemStorage()}, "OPTIONS of CutoutStorage: give text"),
        ({"profile": ""}, "OPTIONS of CutoutStorage: give text"),
        ({"on_error": "ignore"}, "give 'raise' or 'original'"),
    ],
)
def test_an_argument_of_another_kind_is_refused(arguments, told):
    with pytest.raises(ConfigurationError, match=told):
        CutoutStorage(**arguments)


def test_a_profile_or_storage_that_is_not_there_is_named(site, settings):
    with pytest.raises(ConfigurationError, match="no profile 'other'"):
        CutoutStorage(profile="other", on_error="original").save("a.jpg", ContentFile(PHOTO))
    with pytest.raises(InvalidStorageError, match="'other'"):
        CutoutStorage(wraps="other").exists("a.jpg")
    itself = {"BACKEND": "rembg_plugins.django.storage.CutoutStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": itself}
    with pytest.raises(ConfigurationError, match="wraps itself"):
        storages["default"].exists("a.jpg")


def test_the_ledger_tells_which_file_it_was_and_for_whom(storage):
    with on_behalf(Purpose(who="anna")):
        storage.save("a/photo.jpg", ContentFile(PHOTO))
    call = Call.objects.get()
    assert (call.picture, call.who) == ("a/photo.png", "anna")


# --- settings, and an event loop ----------------------------------------------------------------


def test_a_setting_that_changes_is_seen_at_once(site, settings, counted, tmp_path):
    storage = CutoutStorage(profile="product")
    first = storage.wrapped
    settings.MEDIA_ROOT = tmp_path / "elsewhere"
    settings.STORAGES = {**settings.STORAGES}
    assert storage.wrapped is not first
    site(PROFILES={"product": {"format": "WEBP"}})
    name = storage.save("photo.jpg", ContentFile(PHOTO))
    assert (tmp_path / "elsewhere" / name).suffix == ".webp"
    assert (tmp_path / "elsewhere" / name).is_file()


def test_nothing_is_sent_from_an_event_loop_itself(storage, counted):
    async def save():
        storage.save("photo.jpg", ContentFile(PHOTO))

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(save())
    assert counted.calls == []


def test_pictures_of_all_kinds_stay_what_they_show(storage):
    photo = drawn()
    name = storage.save("photo.bmp", ContentFile(encoded("BMP")))
    middle = tuple(side // 2 for side in SIZE)
    assert image_of(storage, name).getpixel(middle) == photo.getpixel(middle)
