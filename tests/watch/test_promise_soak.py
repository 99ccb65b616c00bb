"""A long run at a picture a second, with everything going wrong now and then."""

from __future__ import annotations

import random
import time

import pytest
from watch import oracle
from watch.running import Trial

pytestmark = pytest.mark.promise

TROUBLES = (
    {"kind": "status", "status": 500, "billed": True},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "error": "rate_limit", "headers": {"Retry-After": "2"}},
    {"kind": "reset"},
    {"kind": "reset", "when": "in"},
    {"kind": "never"},
    {"kind": "wait", "seconds": 0.5},
)
SHORT = {"REMBG_READ_TIMEOUT": "2"}  # s


def test_a_while_of_trouble_loses_nothing(tmp_path):
    _soak(tmp_path, seconds=20, every=0.25, kill_after=7)


@pytest.mark.long
def test_ten_minutes_of_trouble_lose_nothing(tmp_path):
    _soak(tmp_path, seconds=600, every=1, kill_after=60)


def _soak(folder, *, seconds, every, kill_after):
    dice = random.Random(seconds)
    with Trial(folder) as trial:
        run, killed = trial.start(env=SHORT), 0
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            trial.feed(f"{len(trial.fed) % 5}/{len(trial.fed):05}.jpg")
            if dice.random() < 0.2:
                trial.sandbox.fault(**dice.choice(TROUBLES))
            run.lives_on(every)
            if passed > kill_after * (killed + 1):
                run.kill()
                killed += 1
                run = trial.start(env=SHORT)
        run.stop()
        assert trial.once(env=SHORT, patience_s=seconds + 300) in {0, 1, 3}
        oracle.check(trial, excused=trial.fed)
        assert killed
        assert len(oracle.named_ones(trial)) < len(trial.fed) / 10
