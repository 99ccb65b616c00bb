from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[2] / "benchmarks" / "measure.py"


@pytest.fixture(scope="module")
def measure():
    spec = importlib.util.spec_from_file_location("benchmarks_measure", _PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def _row(measure, *figures, **changes):
    return measure.Row(what="a", against="b", figures=figures, **changes)


@pytest.mark.parametrize(
    ("figures", "bounds", "verdict"),
    [
        ((1.0, 9.0, 3.5), {"at_least": 3.5}, "ok"),
        ((1.0, 9.0, 3.4999), {"at_least": 3.5}, "MISSED"),
        ((0.1, 0.7, 9.0), {"at_most": 0.7}, "ok"),
        ((0.1, 0.7001, 9.0), {"at_most": 0.7}, "MISSED"),
        ((1.0, float("nan"), float("nan")), {"at_most": 0.7}, "MISSED"),
        ((5.0,), {}, ""),
    ],
)
def test_the_median_decides(measure, figures, bounds, verdict):
    row = _row(measure, *figures, **bounds)
    assert row.verdict == verdict
    assert row.missed == (verdict == "MISSED")


def test_a_median_that_missed_is_not_rounded_onto_its_target(measure):
    row = _row(measure, 0.20004, at_most=0.2)
    assert row.cells()[2:4] == ("≤ 0.2", "0.20004")


def test_nothing_measured_is_no_row(measure):
    with pytest.raises(ValueError, match="Nothing was measured: a"):
        _row(measure, at_most=1.0)


def test_ratios_are_taken_run_by_run(measure):
    assert measure.ratios([2.0, 30.0], [1.0, 10.0]) == (2.0, 3.0)
    with pytest.raises(ValueError, match="shorter"):
        measure.ratios([2.0, 30.0], [1.0])


def test_turns_are_interleaved(measure):
    made = []

    def turn(name):
        made.append(name)
        return f"{name}{len(made)}"

    assert measure.interleave(2, lambda: turn("a"), lambda: turn("b")) == [
        ["a1", "a3"],
        ["b2", "b4"],
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.05"), (1 / 3, "0.333"), (2.0, "2"), (12.34, "12.3"), (363.4, "363"), (100.0, "100")],
)
def test_figures_have_three_digits(measure, value, text):
    assert measure.number(value) == text


def test_the_table_has_a_line_a_row(measure):
    row = _row(measure, 1.0, 2.0, 4.0, at_least=3.0, absolute="1 ms : 2 ms")
    lines = measure.table([row]).splitlines()
    assert lines[2] == "| a | b | ≥ 3 | 2 | 1–4 | 3 | 1 ms : 2 ms | MISSED |"
    assert {line.count("|") for line in lines} == {9}


def test_rows_survive_json(measure):
    rows = [_row(measure, 1.0, 2.0, at_most=3.0, absolute="x"), _row(measure, 1.0)]
    text = measure.to_json(rows)
    assert measure.from_json(text) == rows
    assert [row["verdict"] for row in json.loads(text)] == ["ok", ""]


@pytest.mark.parametrize(("at_most", "code"), [(1.0, 0), (0.9, 1)])
def test_a_missed_row_sets_the_exit_code(measure, capsys, at_most, code):
    with pytest.raises(SystemExit) as end:
        measure.finish([_row(measure, 1.0, at_most=at_most)], as_json=False)
    assert end.value.code == code
    assert capsys.readouterr().out.startswith("| what |")
