from __future__ import annotations

import pytest

from rembg_plugins.core.limits import MAX_BYTES, check_bounds, too_large


@pytest.mark.parametrize(
    ("size", "codes"),
    [
        ((1, 1), []),
        ((10_000, 10_000), []),
        ((10_001, 1), ["too_wide"]),
        ((1, 10_001), ["too_tall"]),
        ((10_001, 10_001), ["too_wide", "too_tall"]),
        ((0, 1), ["no_pixels"]),
        ((0, 10_001), ["no_pixels", "too_tall"]),
    ],
)
def test_bounds(size, codes):
    assert [error.code for error in check_bounds(*size)] == codes


def test_an_upload_just_over_the_limit_is_not_said_to_have_exactly_it():
    assert "(50.1 MB)" in too_large(MAX_BYTES + 1).message
    assert "(1024.0 MB)" in too_large(2**30).message
