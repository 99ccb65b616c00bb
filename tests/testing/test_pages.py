"""The tests that the pages show pass, run by pytest as a reader would run them."""

from __future__ import annotations

import os
import shutil

import pytest
from doc_pages import DOCS, blocks
from testing.runs import environment, run_pytest

TESTS = DOCS / "how-to" / "test-your-project.md"
ENGINE = DOCS / "how-to" / "write-an-engine.md"
PASSED = [3, 1, 1]
"""How many tests each block of the page has."""


@pytest.mark.parametrize("number", range(len(PASSED)))
def test_a_test_of_a_project_passes(number, tmp_path):
    shutil.copytree(DOCS / "images", tmp_path / "docs" / "images")
    exit_code, shown = run_pytest(tmp_path, blocks(TESTS, "python")[number].code)
    assert exit_code == 0, shown
    assert f"{PASSED[number]} passed" in shown


def test_every_block_is_run():
    assert len(blocks(TESTS, "python")) == len(PASSED)


def test_the_test_of_an_engine_passes_for_the_engine_of_its_page(tmp_path):
    engine, *_, test = (block for block in blocks(ENGINE, "python") if not block.not_run)
    site = tmp_path / "site"
    info = site / "corner-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "corner_engine.py").write_text(engine.code, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: corner\nVersion: 1.0\n")
    (entry_points,) = (block.code for block in blocks(ENGINE, "toml"))
    section = entry_points.replace("project.entry-points.", "").replace('"', "")
    (info / "entry_points.txt").write_text(section)
    path = f"{site}{os.pathsep}{environment()['PYTHONPATH']}"
    exit_code, shown = run_pytest(tmp_path, test.code, PYTHONPATH=path)
    assert exit_code == 0, shown
    assert "1 passed" in shown
