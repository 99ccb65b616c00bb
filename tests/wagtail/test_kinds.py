from __future__ import annotations

import pytest
from core.pictures import orientation
from django_site.photographs import (
    encode,
    opened,
    photograph,
    rendered,
    unlike_inside,
    upload,
)
from PIL import Image, ImageCms

from rembg_plugins.core.limits import MAX_BYTES
from rembg_plugins.core.result import Result
from rembg_plugins.wagtail.errors import CutoutError, PendingError

pytestmark = pytest.mark.django_db

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><path d="M0 0"/></svg>'


def deep():
    return photograph("L").convert("I").point(lambda value: value * 257).convert("I;16")


def animated():
    file = [photograph(seed=seed).quantize(64) for seed in (1, 2, 3)]
    return encode(file[0], "GIF", save_all=True, append_images=file[1:])


def clear_palette():
    return encode(photograph().quantize(64), "PNG", transparency=3)


def inks():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return encode(photograph("CMYK"), "JPEG", quality=95), profile


KINDS = {
    "CMYK": (lambda: inks()[0], "a.jpg"),
    "16-bit": (lambda: encode(deep(), "PNG"), "a.png"),
    "grey": (lambda: encode(photograph("L")), "a.jpg"),
    "palette": (lambda: encode(photograph().quantize(64), "PNG"), "a.png"),
    "palette with a clear color": (clear_palette, "a.png"),
    "1-bit": (lambda: encode(photograph("1"), "PNG"), "a.png"),
    "WebP": (lambda: encode(photograph(), "WEBP", lossless=True), "a.webp"),
    "AVIF": (lambda: encode(photograph(), "AVIF"), "a.avif"),
    "BMP": (lambda: encode(photograph(), "BMP"), "a.bmp"),
    "GIF": (lambda: encode(photograph().quantize(64), "GIF"), "a.gif"),
    "animated GIF": (animated, "a.gif"),
    "grey with alpha": (lambda: encode(photograph("LA"), "PNG"), "a.png"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_every_kind_are_cut_out_once_as_the_plain_rendition_shows_them(counted, kind):
    make, name = KINDS[kind]
    image = upload(make(), name)
    plain = opened(image.get_rendition("width-120|format-png"))
    cut = opened(image.get_rendition("removebg|width-120|format-png"))
    image.get_rendition("removebg|fill-40x40")
    if plain.mode.startswith("I"):
        plain = plain.convert("I").point([value >> 8 for value in range(0x10000)], "L")
    assert (cut.mode, cut.size) == ("RGBA", plain.size)
    assert unlike_inside(cut, plain.convert("RGBA")) <= 1
    assert cut.getchannel("A").getextrema()[0] == 0
    assert len(counted.calls) == 1


@pytest.mark.parametrize("turn", range(2, 9))
def test_a_picture_that_lies_on_its_side_is_cut_out_upright(counted, turn):
    image = upload(encode(photograph(), exif=orientation(turn), quality=95))
    plain = opened(image.get_rendition("width-90|format-png"))
    cut = opened(image.get_rendition("removebg|width-90"))
    assert cut.size == plain.size
    assert unlike_inside(cut, plain) == 0
    assert cut.getexif().get(0x0112, 1) == 1  # or a browser would turn it once more


# Pitfall: `removebg` of a GIF gave a one-frame GIF with hard edges; N frames would be N credits.
def test_of_an_animation_the_first_frame_is_cut_out_and_becomes_a_png(counted):
    image = upload(animated(), "a.gif")
    rendition = image.get_rendition("removebg|width-120")
    assert rendition.file.name.endswith(".png")
    first = (
        photograph(seed=1).quantize(64).convert("RGB").resize((120, 80), Image.Resampling.LANCZOS)
    )
    assert unlike_inside(opened(rendition), first) == 0


@pytest.mark.parametrize(
    "spec",
    ["removebg|width-20", "width-20|removebg", "removebg-mask|original", "removebg|preserve-svg"],
)
def test_an_svg_stays_as_it_is(counted, spec):
    image = upload(SVG, "a.svg")
    if spec == "removebg|preserve-svg":
        spec = "removebg|width-20|format-png|preserve-svg"
    assert image.get_rendition(spec).file.name.endswith(".svg")
    assert counted.calls == []


# Pitfall: a drawing that waits for a cut-out waits for ever.
@pytest.mark.parametrize("keys", [{}, {"AUTO": False}], ids=str)
def test_a_drawing_is_never_pending_and_no_task_is_asked_for_it(worker, site, keys):
    site(**keys)
    page = "{% cutout photo width-20 %}{% cutout_srcset photo width-{20,30} %}"
    html = rendered(page, photo=upload(SVG, "a.svg"))
    assert html.count(".svg") == 4
    assert "data-rembg" not in html
    assert worker.wanted == []


def test_a_profile_stays_with_its_colors(counted):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = upload(encode(photograph(), icc_profile=profile))
    assert opened(image.get_rendition("removebg|width-90")).info["icc_profile"] == profile


def test_a_picture_that_the_api_would_refuse_is_not_sent_and_the_reason_is_told(counted):
    wide = upload(encode(Image.new("RGB", (10_001, 2)), "PNG"), "wide.png")
    with pytest.raises(CutoutError, match="10000"):
        wide.get_rendition("removebg|width-40")
    long = upload(encode(photograph(), "PNG") + bytes(MAX_BYTES), "long.png")
    with pytest.raises(CutoutError, match="50") as caught:
        long.get_rendition("removebg|width-40")
    assert not isinstance(caught.value, PendingError)
    assert counted.calls == []


def test_an_answer_that_the_store_refuses_is_fitted_and_shared_by_a_picture_tag(
    counted, monkeypatch
):
    # The answer to somebody without a key: shrunk to 460 px, and of no use to others.
    whole = type(counted).run

    def shrunk(self, request, **how):
        made = whole(self, request, **how).image.resize((460, 307))
        how = {"engine": self.name, "sent": "all", "billed": False, "coverage": None}
        return Result.from_image(made, format="PNG", **how)

    monkeypatch.setattr(type(counted), "run", shrunk)
    counted.anonymous = True
    image = upload(encode(photograph(size=(900, 600))))
    specs = ("removebg|width-90|format-png", "removebg|width-120|format-png")
    found = image.get_renditions(*specs)
    for spec in specs:
        plain = image.get_rendition(spec.removeprefix("removebg|"))
        assert unlike_inside(opened(found[spec]), opened(plain)) == 0
    assert len(counted.calls) == 1


def test_an_answer_that_lies_on_its_side_is_not_used(counted, monkeypatch):
    whole = type(counted).run

    def turned(self, request, **how):
        made = whole(self, request, **how).image.transpose(Image.Transpose.ROTATE_90)
        how = {"engine": self.name, "sent": "all", "billed": True, "coverage": None}
        return Result.from_image(made, format="PNG", **how)

    monkeypatch.setattr(type(counted), "run", turned)
    image = upload()
    with pytest.raises(PendingError, match="does not fit"):
        image.get_rendition("removebg|width-90")
    assert not image.renditions.exists()
