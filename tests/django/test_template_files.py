from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rembg_plugins.django.template_files import templates_with


@pytest.fixture
def folder(settings, tmp_path):
    """A folder of templates, each with the word in it."""
    (django, *others) = settings.TEMPLATES
    settings.TEMPLATES = [{**django, "DIRS": [tmp_path / "templates"]}, *others]
    for name in ("a.html", "deep/b.txt", "c.py"):
        path = tmp_path / "templates" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("a word of a test\n")
    return tmp_path / "templates"


def found(folder):
    return {str(path.relative_to(folder)) for path, _ in templates_with("word of a test")}


def test_templates_are_found_by_a_word_in_them(folder):
    assert found(folder) == {"a.html", "deep/b.txt"}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_file_that_cannot_be_read_hides_no_other(folder):
    (folder / "0.html").symlink_to("/proc/self/mem")  # a plain file that no user can read
    with pytest.raises(OSError, match="Input/output"):
        (folder / "0.html").read_bytes()
    assert found(folder) == {"a.html", "deep/b.txt"}


def test_a_file_that_vanishes_meanwhile_hides_no_other(folder, monkeypatch):
    read_text = Path.read_text

    def vanishes_first(path, **how):
        if path.name == "a.html":
            path.unlink()
        return read_text(path, **how)

    monkeypatch.setattr(Path, "read_text", vanishes_first)
    assert found(folder) == {"deep/b.txt"}


def test_a_pipe_and_a_link_to_nothing_are_passed_over(folder):
    os.mkfifo(folder / "pipe.html")
    (folder / "link.html").symlink_to(folder / "nowhere")
    assert found(folder) == {"a.html", "deep/b.txt"}
