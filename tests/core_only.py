"""What must import, and work, with the core dependencies alone; run by .ci/run, not by pytest."""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys
from importlib.metadata import distributions

CORE = {"pillow", "requests", "click", "pluggy", "python-dotenv"}
NEED_AN_EXTRA = {"rembg_plugins.engines.local", "rembg_plugins.testing.pytest_plugin"}
FOR_A_SITE = ("rembg_plugins.django.", "rembg_plugins.wagtail.")
WITHOUT_SERVER = {"rembg_plugins.sandbox", "rembg_plugins.sandbox.keys"}

installed = {dist.metadata["Name"].lower() for dist in distributions()}
assert installed >= CORE, CORE - installed
assert not installed & {"numpy", "onnxruntime", "rembg", "rich"}, installed

import rembg_plugins  # noqa: E402

assert "site-packages" in rembg_plugins.__file__, rembg_plugins.__file__
names = [name for _, name, _ in pkgutil.walk_packages(rembg_plugins.__path__, "rembg_plugins.")]
imported = []
for name in names:
    served = name.startswith("rembg_plugins.sandbox.") and name not in WITHOUT_SERVER
    left_out = served or name in NEED_AN_EXTRA or name.startswith(FOR_A_SITE)
    if not left_out and not name.endswith("__main__"):
        imported.append(importlib.import_module(name))
assert not {"django", "numpy", "onnxruntime", "rembg", "rich"} & set(sys.modules)

from PIL import Image  # noqa: E402

from rembg_plugins.core.plugins import inspect_plugins  # noqa: E402

_, reports = inspect_plugins()
assert not [report for report in reports if report.problem], reports
result = rembg_plugins.remove(Image.new("RGB", (40, 30), "red"), engine="offline", format="PNG")
assert Image.open(io.BytesIO(result.content)).size == (40, 30)
try:
    rembg_plugins.remove(Image.new("RGB", (40, 30), "red"))
except rembg_plugins.ConfigurationError as error:
    assert "pip install 'rembg-plugins[local]'" in str(error), error
else:
    sys.exit("Without a key and without the extra there is no engine; one was found.")
print(f"{len(imported)} modules import with the core dependencies alone")  # noqa: T201
