"""An S3 server in a thread of the tests' process, reached through django-storages."""

from __future__ import annotations

from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

_ACCESS = {"access_key": "tests", "secret_key": "of-tests", "region_name": "us-east-1"}


@pytest.fixture(scope="session")
def object_store():
    """The URL of a server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def in_object_store(site, settings, object_store):
    """Puts cut-outs into a new bucket, as in ``in_object_store(file_overwrite=False)``."""
    bucket = uuid4().hex

    def use(**options):
        client = boto3.client(
            "s3",
            endpoint_url=object_store,
            region_name=_ACCESS["region_name"],
            aws_access_key_id=_ACCESS["access_key"],
            aws_secret_access_key=_ACCESS["secret_key"],
        )
        client.create_bucket(Bucket=bucket)
        own = {"bucket_name": bucket, "endpoint_url": object_store}
        backend = {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {**_ACCESS, **own, "querystring_auth": True, **options},
        }
        settings.STORAGES = {**settings.STORAGES, "rembg": backend}

    return use
