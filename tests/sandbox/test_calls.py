from __future__ import annotations

from rembg_plugins.sandbox import calls as module
from rembg_plugins.sandbox.calls import Calls


def test_only_so_many_calls_are_listed_but_every_bill_is_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_CALLS", 3)
    calls = Calls()
    for number in range(5):
        call = calls.begin("/rmbg", float(number))
        call.sha256 = "abc"
        call.bill()
    listed = calls.listed()
    assert [call["id"] for call in listed["calls"]] == [3, 4, 5]
    assert (listed["billed"], listed["dropped"]) == ({"abc": 5}, 2)


def test_long_texts_are_cut_off():
    calls = Calls()
    call = calls.begin("/rmbg", 0.0)
    calls.describe(call, "n" * 1000, {"f" * 1000: "v" * 1000})
    assert len(call.filename) == 200
    assert call.fields == {"f" * 200: "v" * 200}
