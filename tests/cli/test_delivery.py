from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from core.pictures import encoded

from rembg_plugins.cli.delivery import Delivery
from rembg_plugins.cli.targets import Target
from rembg_plugins.core.result import Result

CONTENT = encoded("PNG")


def result(*, billed):
    return Result.from_bytes(CONTENT, engine="paid", sent="all", billed=billed)


def test_a_result_goes_into_its_file_and_the_folder_is_made_for_it():
    Delivery(io.BytesIO()).deliver(
        result(billed=True), Target(source="a", output=Path("x/y/a.png"))
    )
    assert Path("x/y/a.png").read_bytes() == CONTENT


def test_a_result_goes_to_standard_output():
    stdout = io.BytesIO()
    Delivery(stdout).deliver(result(billed=True), Target(source="a", output=None))
    assert stdout.getvalue() == CONTENT


@pytest.mark.parametrize("billed", [True, None])
def test_what_was_paid_for_is_kept_with_the_temporary_files(billed, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = Path(Delivery(io.BytesIO()).rescue(result(billed=billed)))
    assert path.parent == tmp_path
    assert path.suffix == ".png"
    assert path.read_bytes() == CONTENT


def test_what_cost_nothing_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert Delivery(io.BytesIO()).rescue(result(billed=False)) is None
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_kept_that_is_no_second_failure(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    assert Delivery(io.BytesIO()).rescue(result(billed=True)) is None
