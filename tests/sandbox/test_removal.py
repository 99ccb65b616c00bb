"""What a good call gets: the picture that its options describe."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from rembg_plugins import remove
from rembg_plugins.core.options import OPTIONS

GIVEN = {
    "format": "png",
    "w": "20",
    "h": "20",
    "exact_resize": "true",
    "mask": "true",
    "angle": "90",
    "expand": "false",
    "bg_color": "#00ff00",
}


def image_of(response):
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def test_a_bare_call_gets_a_webp_of_the_pictures_size_and_costs_a_credit(sandbox, picture):
    response = sandbox.post(picture)
    image = image_of(response)
    assert (image.format, image.mode, image.size) == ("WEBP", "RGBA", (40, 30))
    assert response.headers["content-type"] == "image/webp"
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((20, 15))[3] == 255
    (call,) = sandbox.calls
    assert (call["status"], call["billed"], call["filename"]) == (200, True, "cat.png")


def test_there_is_a_value_for_each_option_below():
    assert GIVEN.keys() == OPTIONS.keys()


@pytest.mark.parametrize("name", GIVEN)
def test_each_option_gives_what_the_adapter_gives(sandbox, encode, name):
    picture = encode((40, 30), color=(10, 200, 90))
    options = {"format": "png", name: GIVEN[name]}
    if name in {"exact_resize", "expand"}:
        options |= {"w": "20", "h": "20"} if name == "exact_resize" else {"angle": "45"}
    answer = sandbox.post(picture, **options)
    ours = remove(picture, engine="offline", **options)
    assert image_of(answer).size == ours.size
    assert answer.content == ours.content
    plain = sandbox.post(picture, format="bmp" if name == "format" else "png")
    assert answer.content != plain.content


@pytest.mark.parametrize("value", ["0", "0 "])
def test_what_the_vendors_client_always_sends_means_not_given(sandbox, picture, value):
    plain = sandbox.post(picture, format="png")
    sent = {"w": value, "h": value, "exact_resize": "false", "mask": "false", "expand": "true"}
    answer = sandbox.post(picture, format="png", return_base64="false", **sent)
    assert image_of(answer).size == (40, 30)
    assert answer.content == plain.content


def test_base64_is_asked_for_and_bytes_are_answered(sandbox, picture):
    answer = sandbox.post(picture, format="png", return_base64="true")
    assert image_of(answer).format == "PNG"
    refused = sandbox.post(picture, return_base64="perhaps")
    assert refused.json() == {
        "error": "'return_base64' must be true or false, got: 'perhaps'",
        "field": "return_base64",
        "status": 400,
    }


@pytest.mark.parametrize("format_", ["png", "JPEG", "webp", "Bmp"])
def test_the_format_may_be_written_in_any_case(sandbox, picture, format_):
    response = sandbox.post(picture, format=format_)
    assert image_of(response).format == format_.upper()
    assert response.headers["content-type"] == f"image/{format_.lower()}"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_every_kind_of_picture_is_taken(sandbox, encode, kind):
    name = f"cat.{kind.lower()}"
    assert image_of(sandbox.post(encode(format=kind), name=name)).size == (40, 30)


def test_fields_that_are_no_options_are_ignored(sandbox, picture):
    assert sandbox.post(picture, crop="true", **{"": "x"}).status_code == 200
    assert sandbox.calls[0]["fields"]["crop"] == "true"


def test_of_a_field_given_twice_the_last_counts(sandbox, picture):
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % field
        for field in ((b"w", b"abc"), (b"w", b"20"))
    )
    body += b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    response = sandbox.session.post(
        f"{sandbox.url}/rmbg",
        data=body + picture + b"\r\n--b--\r\n",
        headers={"x-api-key": "sandbox-key", "Content-Type": "multipart/form-data; boundary=b"},
        timeout=60,
    )
    assert image_of(response).size == (20, 15)


def test_the_embedded_engine_cuts_real_pictures_out(start, encode):
    from pathlib import Path

    cat = Path(__file__).parents[2] / "docs" / "images" / "chelsea.png"
    sandbox = start(engine="local")
    answer = sandbox.post(cat.read_bytes(), format="png")
    assert answer.content == remove(cat, engine="local", format="PNG").content
    alpha = image_of(answer).getchannel("A")
    assert alpha.getpixel((225, 150)) > 250  # the cat
    assert alpha.getpixel((5, 5)) < 5


def test_the_latency_is_waited_for_before_each_answer(start, picture):
    sandbox = start(latency_s=3.5)
    sandbox.post(picture)
    assert sandbox.slept == [3.5]
    sandbox.post(b"no picture")
    assert sandbox.slept == [3.5]


def test_an_engine_that_costs_money_is_refused():
    from rembg_plugins import ConfigurationError
    from rembg_plugins.sandbox.cutting import build_cutter

    with pytest.raises(ConfigurationError, match="'api' may cost money"):
        build_cutter("api")


def test_each_call_is_told_of_when_it_has_ended(sandbox, picture):
    sandbox.post(picture)
    sandbox.post(b"no picture")
    assert [(call.status, call.billed) for call in sandbox.heard] == [(200, True), (400, False)]


def test_the_oracle_counts_the_bills_by_picture(sandbox, encode):
    import hashlib

    one, two = encode(color=(1, 2, 3)), encode(color=(4, 5, 6))
    for picture in (one, two, one):
        sandbox.post(picture, format="png")
    sandbox.post(two, w="abc")
    listed = sandbox.get("/_sandbox/calls").json()
    digests = [hashlib.sha256(picture).hexdigest() for picture in (one, two)]
    assert listed["billed"] == {digests[0]: 2, digests[1]: 1}
    assert listed["dropped"] == 0
    assert [call["sha256"] for call in listed["calls"]] == [
        digests[index] for index in (0, 1, 0, 1)
    ]
    assert [call["id"] for call in listed["calls"]] == [1, 2, 3, 4]
    assert listed["calls"][0]["length"] == len(one)
    assert listed["calls"][0]["at"] == sandbox.clock.now


def test_a_bug_of_ours_is_an_error_in_the_apis_shape(sandbox, picture):
    def fail(*_, **__):
        raise LookupError

    sandbox.world.now, now = fail, sandbox.world.now
    response = sandbox.post(picture)
    sandbox.world.now = now
    assert response.status_code == 500
    assert response.json()["error"] == "The sandbox failed, which is a bug: LookupError"


def test_the_health_and_the_sample_are_there(sandbox):
    from rembg_plugins import __version__

    assert sandbox.get("/healthz", key=None).json() == {"status": "ok", "version": __version__}
    sample = sandbox.get("/sample.jpg", key=None)
    assert Image.open(io.BytesIO(sample.content)).size == (451, 300)


def test_a_call_that_ends_after_a_reset_is_counted_nowhere(start, picture, gate):
    sandbox = start()
    sandbox.removals._sleep = gate.wait
    sandbox.fault("wait")
    with gate.calling(sandbox.post, picture) as response:
        sandbox.control("reset")
        gate.open()
        assert response.result().status_code == 200
    listed = sandbox.get("/_sandbox/calls").json()
    assert (listed["calls"], listed["billed"]) == ([], {})
    assert sandbox.get("/api/membership-usage").json()["api_usage"] == 0
