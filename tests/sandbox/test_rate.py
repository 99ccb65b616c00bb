"""The client's throttle against the sandbox's limit, in real time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from rembg_plugins import Adapter, Retry
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.plugins import make_engine
from rembg_plugins.core.rate import Rate

THREADS, PICTURES = 16, 50
RATE = Rate(requests=20, seconds=1)


def test_many_threads_get_every_picture_without_a_429(start, picture):
    sandbox = start(rate=RATE)
    sandbox.world.tick = time.monotonic
    settings = configure(
        api_key="sandbox-key", api_url=f"{sandbox.url}/rmbg", rate=RATE, environ={}
    )
    adapter = Adapter(make_engine("api", settings), retry=Retry.NONE)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda _: adapter.remove(picture), range(PICTURES)))
    assert all(result.billed for result in results)
    assert [call["status"] for call in sandbox.calls] == [200] * PICTURES


def test_without_the_throttle_the_same_threads_are_refused(start, picture):
    sandbox = start(rate=RATE)
    settings = configure(
        api_key="sandbox-key", api_url=f"{sandbox.url}/rmbg", rate="off", environ={}
    )
    engine = make_engine("api", settings)
    from rembg_plugins.core.errors import RateLimitError
    from rembg_plugins.core.validation import validate

    def refused(_):
        try:
            engine.run(validate(picture))
        except RateLimitError as error:
            return error.response.retry_after == RATE.seconds
        return False

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(refused, range(PICTURES))) == PICTURES - RATE.requests
