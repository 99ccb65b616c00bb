"""Cut-outs on S3: django-storages, and a real S3 server on loopback."""

from __future__ import annotations

import io

import pytest
from botocore.exceptions import ClientError
from core.pictures import encoded
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django_site.s3 import BUCKET, client
from django_site.shop.models import Figure
from PIL import Image

from rembg_plugins.django.storage import CutoutStorage

pytestmark = pytest.mark.django_db


def saved(storage, name="a/photo.jpg", content=None):
    return storage.save(name, ContentFile(content or encoded("JPEG")))


def test_the_server_is_one_that_checks_signatures(s3):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(s3.url, secret_key="wrong").list_buckets()  # noqa: S106 - of tests, and not even right


@pytest.mark.parametrize(
    ("profile", "name", "media_type"),
    [("product", "a/photo.png", "image/png"), (None, "a/photo.webp", "image/webp")],
)
def test_a_cut_out_lies_in_the_bucket_with_its_media_type(counted, s3, profile, name, media_type):
    storage = CutoutStorage(profile=profile)
    assert saved(storage) == name
    found = s3.client.get_object(Bucket=BUCKET, Key=f"{s3.prefix}/default/{name}")
    content = found["Body"].read()
    assert found["ContentType"] == media_type
    with storage.open(name) as file:
        assert file.read() == content
    assert Image.open(io.BytesIO(content)).format == media_type.removeprefix("image/").upper()
    assert (storage.exists(name), storage.size(name)) == (True, len(content))
    assert storage.listdir("a") == ([], ["photo." + media_type.removeprefix("image/")])
    assert len(counted.calls) == 1
    storage.delete(name)
    assert not storage.exists(name)


def test_a_name_that_is_taken_is_not_overwritten(counted, s3):
    storage = CutoutStorage(profile="product")
    names = {saved(storage), saved(storage, content=encoded("JPEG", "L"))}
    assert len(names) == 2
    assert all(storage.exists(name) and name.endswith(".png") for name in names)


def test_it_overwrites_where_the_bucket_s_storage_does(counted, s3):
    s3.use(file_overwrite=True)
    storage = CutoutStorage(profile="product")
    names = {saved(storage), saved(storage, "a/photo.webp", encoded("WEBP", "L"))}
    assert names == {"a/photo.png"}
    assert len(counted.calls) == 2


def test_a_file_on_s3_has_no_path(counted, s3):
    storage = CutoutStorage()
    with pytest.raises(NotImplementedError):
        storage.path(saved(storage))


def test_an_address_is_signed_by_the_storage_and_costs_nothing(site, counted, s3):
    storage = CutoutStorage(profile="product")
    url = storage.url("a/photo.png", parameters={"ResponseContentType": "image/png"}, expire=60)
    assert url.startswith(f"{s3.url}/{BUCKET}/{s3.prefix}/default/a/photo.png?")
    assert "X-Amz-Expires=60" in url
    assert counted.calls == []


def test_a_field_knows_the_size_of_the_cut_out(site, counted, s3):
    site(PROFILES={"product": {"format": "PNG", "w": 10}})
    figure = Figure.objects.create(photo=ContentFile(encoded("JPEG"), "photo.jpg"))
    assert (figure.width, figure.height) == (10, 6)
    again = Figure.objects.get()
    assert again.photo.name.endswith("/photo.png")
    with again.photo.open() as file:
        assert Image.open(file).size == (10, 6)


def test_what_is_no_picture_and_cannot_seek_arrives_whole(counted, s3):
    class Stream(io.RawIOBase):
        content_type = "text/x-notes"

        def __init__(self, content):
            self.rest = io.BytesIO(content)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.rest.readinto(buffer)

    storage, content = CutoutStorage(), b"text " * 100_000
    name = storage.save("notes.txt", Stream(content))
    with storage.open(name) as file:
        assert file.read() == content
    found = s3.client.head_object(Bucket=BUCKET, Key=f"{s3.prefix}/default/{name}")
    assert found["ContentType"] == "text/x-notes"
    assert counted.calls == []


def test_the_store_may_lie_on_s3_too(counted, s3):
    s3.use("rembg")
    storage = CutoutStorage(profile="product")
    first = saved(storage)
    second = saved(storage)
    with storages["default"].open(first) as file:
        third = saved(storage, "copy.png", file.read())
    assert len({first, second, third}) == 3
    assert len(counted.calls) == 1
    kept = s3.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{s3.prefix}/rembg/")["Contents"]
    assert {one["Key"].split("/")[2] for one in kept} == {"cutouts", "outputs"}
