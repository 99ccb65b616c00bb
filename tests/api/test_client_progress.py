from __future__ import annotations

import gzip

import pytest
from api.server import answer, head, raw_answer

from rembg_plugins.core import errors


class TestProgress:
    def test_the_last_event_of_each_direction_has_progress_1(self, serve, connect, large, picture):
        server = serve(answer(200, picture))
        events = []
        connect(server.url).remove(large, on_progress=events.append)
        for direction, total in (
            ("upload", len(server.requests[0].body)),
            ("download", len(picture)),
        ):
            own = [event for event in events if event.direction == direction]
            assert [event.progress for event in own if event.progress == 1] == [1]
            assert (own[-1].loaded, own[-1].total, own[-1].progress) == (total, total, 1)
            assert sum(event.bytes for event in own) == total
            assert all(event.progress == event.loaded / total for event in own)
        assert [event.direction for event in events] == sorted(
            (event.direction for event in events), reverse=True
        )
        assert len(events) > 300  # 24 MB in pieces of 64 kB

    def test_a_download_of_unknown_length_has_a_total_at_its_end(
        self, serve, connect, request_, picture
    ):
        events = []
        client = connect(serve(raw_answer(head(200) + picture)).url)
        client.remove(request_, on_progress=events.append)
        *before, last = [event for event in events if event.direction == "download"]
        assert before
        assert {(event.total, event.progress, event.estimated) for event in before} == {
            (None, None, None)
        }
        assert (last.loaded, last.total, last.progress) == (len(picture), len(picture), 1)

    def test_a_packed_answer_counts_what_came_over_the_wire(
        self, serve, connect, request_, picture
    ):
        events = []
        packed = gzip.compress(picture)
        server = serve(answer(200, packed, {"Content-Encoding": "gzip"}))
        connect(server.url).remove(request_, on_progress=events.append)
        assert (events[-1].loaded, events[-1].total) == (len(packed), len(packed))

    @pytest.mark.parametrize("direction", ["upload", "download"])
    @pytest.mark.parametrize(
        "problem",
        [
            ZeroDivisionError(), OSError(5, "disk"), BrokenPipeError(32, "pipe"),
            ConnectionResetError(104, "reset"), TimeoutError("mine"), ValueError(),
            KeyboardInterrupt(), SystemExit(3), StopIteration(), GeneratorExit(),
            errors.APIConnectionError("mine"),
        ],
        ids=lambda problem: type(problem).__name__,
    )  # fmt: skip
    def test_what_a_callback_raises_comes_out_as_itself(
        self, serve, connect, request_, picture, direction, problem
    ):
        def stop(event):
            if event.direction == direction:
                raise problem

        server = serve(answer(200, picture))
        client = connect(server.url, read_timeout_s=5)
        with pytest.raises(type(problem)) as caught:
            client.remove(request_, on_progress=stop)
        assert caught.value is problem
        assert problem.__context__ is None
        assert client.remove(request_).content == picture  # the connection is not left broken

    def test_what_requests_itself_raises_comes_out_as_itself_too(
        self, serve, connect, large, picture
    ):
        import requests

        problem = requests.ConnectionError("mine")

        def stop(event):
            raise problem

        client = connect(serve(answer(200, picture)).url)
        with pytest.raises(requests.ConnectionError) as caught:
            client.remove(large, on_progress=stop)
        assert caught.value is problem
