from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rembg_plugins

ROOT = Path(__file__).parents[1]
HEAVY = ("requests", "urllib3", "numpy", "onnxruntime", "click", "PIL", "pluggy", "dotenv")


def fresh(code):
    """What a new interpreter prints for a piece of code, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


GAINED = """
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_importing_the_package_loads_next_to_nothing():
    gained = fresh(GAINED.format(statement="import rembg_plugins"))
    assert not [name for name in gained if name.split(".")[0] in HEAVY]
    assert "rembg_plugins" in gained
    assert len(gained) <= 8, gained


def test_declaring_options_loads_neither_pillow_nor_requests():
    gained = fresh(GAINED.format(statement="from rembg_plugins import Options; Options(w=3)"))
    assert not [name for name in gained if name.split(".")[0] in HEAVY]


def test_validating_a_png_loads_no_decoder():
    code = "from rembg_plugins import validate; validate('docs/images/chelsea.png', w=3)"
    gained = fresh(f"import os; os.chdir({str(ROOT)!r})" + GAINED.format(statement=code))
    plugins = [name for name in gained if re.fullmatch(r"PIL\.\w+ImagePlugin", name)]
    assert plugins == []
    assert not [name for name in gained if name.split(".")[0] in {"numpy", "requests", "click"}]


def test_the_public_names_are_these_and_can_be_imported():
    assert set(rembg_plugins.__all__) == {
        "APIError",
        "Adapter",
        "ConfigurationError",
        "Engine",
        "Options",
        "ProgressEvent",
        "RembgError",
        "Request",
        "Result",
        "Retry",
        "ValidationError",
        "__version__",
        "errors",
        "hookimpl",
        "remove",
        "validate",
    }
    assert all(getattr(rembg_plugins, name) for name in rembg_plugins.__all__)
    assert set(rembg_plugins.__all__) <= set(dir(rembg_plugins))
    with pytest.raises(AttributeError, match="no attribute 'removal'"):
        rembg_plugins.removal  # noqa: B018 - the attribute access is the test


def test_the_tree_in_the_architecture_is_the_packages():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.split("```text\n", 1)[1].split("```", 1)[0]
    folder = ""
    documented = set()
    for line in tree.splitlines()[1:]:
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        folder = "" if indent == 2 else folder
        if name.endswith("/"):
            folder = name
        documented.add(folder if name == folder else folder + name)
    package = ROOT / "rembg_plugins"
    real = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if path.name != "__init__.py" and "cli" not in path.parts
    }
    real |= {f"{path.parent.relative_to(package)}/" for path in package.glob("*/__init__.py")}
    assert documented - {"__init__.py"} == real


@pytest.mark.parametrize(
    "path", sorted((ROOT / "rembg_plugins").rglob("*.py")), ids=lambda p: p.name
)
def test_no_module_holds_two_things(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_only_validation_makes_a_request():
    makers = [
        path.name
        for path in (ROOT / "rembg_plugins").rglob("*.py")
        if re.search(
            r"(?<![\w.])Request\(", path.read_text(encoding="utf-8").replace("class Request", "")
        )
    ]
    assert makers == ["validation.py"]


def test_the_version_stands_in_one_place():
    from importlib.metadata import version

    assert version("rembg-plugins") == rembg_plugins.__version__
    assert "version = " not in (ROOT / "pyproject.toml").read_text().split("[tool", 1)[0]


def test_the_weights_are_the_ones_in_the_notice():
    import hashlib

    folder = ROOT / "rembg_plugins" / "engines" / "weights"
    digest = hashlib.sha256((folder / "u2netp.onnx").read_bytes()).hexdigest()
    assert digest in (folder / "NOTICE.md").read_text(encoding="utf-8")
