"""What the tests of the vendor's npm client stand on: the client as published, and a Node."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from sandbox.node import FOLDER, PACKAGE, why_not

PUBLIC = "https://registry.npmjs.org/"
INDEX_SHA256 = "ff6dc1e953bead0f35045394df273c1b9b143af062617aa3032f915d38298a56"


def test_the_client_is_the_published_one():
    if problem := why_not(shutil.which("node")):
        pytest.skip(problem)
    package = json.loads((FOLDER / PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == "1.3.1"
    program = (FOLDER / PACKAGE / package["main"]).read_bytes()
    assert hashlib.sha256(program).hexdigest() == INDEX_SHA256


def test_the_lock_names_no_registry():
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for path, package in lock["packages"].items() if path]
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert package.get("resolved", PUBLIC).startswith(PUBLIC)


@pytest.mark.parametrize("said", [None, "v16.20.2", "v18.16.1"])
def test_a_node_that_will_not_do_is_told_with_the_remedy(tmp_path, said):
    node = said and program(tmp_path / "node", said)
    assert "18.17 or newer" in why_not(node)
    assert why_not(node).endswith("run: npm ci --prefix tests/sandbox/npm")


@pytest.mark.parametrize("said", ["v18.17.0", "v20.20.2", "v100.0.0"])
def test_a_client_that_is_absent_is_told_with_the_remedy(tmp_path, said):
    node = program(tmp_path / "node", said)
    sentence = "The vendor's npm client is not installed; run: npm ci --prefix tests/sandbox/npm"
    assert why_not(node, tmp_path) == sentence
    (tmp_path / PACKAGE).mkdir(parents=True)
    assert why_not(node, tmp_path) is None


def program(path, said):
    path.write_text(f"#!/bin/sh\necho {said}\n")
    path.chmod(0o755)
    return str(path)
