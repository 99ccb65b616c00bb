from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from profiles import gray_profile, srgb_profile

from rembg_plugins.core.encoding import encode

EXACT = ("PNG", "BMP")
LEGAL = [(mode, name) for mode in ("RGB", "L") for name in ("PNG", "WEBP", "JPEG", "BMP")]
LEGAL += [("RGBA", "PNG"), ("RGBA", "WEBP")]


def smooth(mode):
    image = Image.merge("RGB", [Image.linear_gradient("L").rotate(turn) for turn in (0, 90, 180)])
    image.putalpha(Image.radial_gradient("L"))
    return image.convert(mode)


@pytest.mark.parametrize(("mode", "format"), LEGAL)
def test_what_is_encoded_is_decoded_again(mode, format):
    image = smooth(mode)
    opened = Image.open(io.BytesIO(encode(image, format)))
    assert opened.format == format
    seen = np.array(image)[..., -1] > 0 if mode == "RGBA" else ...
    difference = np.array(opened.convert(mode)).astype(int)[seen] - np.array(image)[seen]
    assert np.abs(difference).max() == 0 if format in EXACT else np.abs(difference).mean() < 3


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
def test_a_profile_is_kept_for_colors_and_not_for_gray(format):
    for mode, kept in (("RGB", True), ("L", False)):
        image = smooth(mode)
        image.info["icc_profile"] = srgb_profile()
        opened = Image.open(io.BytesIO(encode(image, format)))
        assert opened.info.get("icc_profile") == (srgb_profile() if kept else None)


def test_a_profile_for_gray_is_dropped_with_gray():
    image = smooth("L")
    image.info["icc_profile"] = gray_profile()
    assert "icc_profile" not in Image.open(io.BytesIO(encode(image, "PNG"))).info


@pytest.mark.parametrize("plugin", ["WebP", "Png", "Jpeg", "Bmp"])
def test_only_a_few_of_pillows_plugins_are_loaded(plugin):
    code = (
        "import sys; from PIL import Image; from rembg_plugins.core.encoding import encode;"
        f"encode(Image.new('RGB', (9, 9)), '{plugin.upper()}');"
        "print(sum(name.endswith('ImagePlugin') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 12
