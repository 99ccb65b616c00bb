"""Worker: uploads by the API engine; arguments: stub URL, picture."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from serving import serve

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.plugins import make_engine


def main() -> None:
    """Upload as often and with as many threads as a task says; each answer ends as a file."""
    url, picture = sys.argv[1:]
    # The default rate would have its throttle measured.
    configuration = configure(api_key="stub-key", api_url=url, rate="off", environ={})
    adapter = Adapter(make_engine("api", configuration))

    def upload(number: int) -> None:
        answer = Path(f"answer-{number}.png")
        with answer.open("wb") as file:
            adapter.remove(picture, format="PNG", sink=file)
        answer.unlink()

    def work(*, count: int, at_once: int) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            for _ in pool.map(upload, range(count)):
                pass

    serve(work)


main()
