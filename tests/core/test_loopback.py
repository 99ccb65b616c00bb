from __future__ import annotations

import pytest

from rembg_plugins.core.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_is_known_by_these_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", None, "0.0.0.0", "10.0.0.1", "::", "localhost.example", "127.0.0.1.example", "example"],  # noqa: S104 - refused
)
def test_other_names_may_be_anybodys(host):
    assert not is_loopback(host)
