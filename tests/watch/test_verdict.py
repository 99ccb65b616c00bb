from __future__ import annotations

import io

import pytest
from PIL import Image
from watch.answers import HTML, PICTURE, WRAPPED, Bench, files, result_of
from watch.rows import NOON, SIZE, Clock, begin, opened, sha, taken

from rembg_plugins.core import errors
from rembg_plugins.core.errors import FieldError, ResponseInfo
from rembg_plugins.core.outcomes import OUTCOMES
from rembg_plugins.watch.states import ContentState, PathState
from rembg_plugins.watch.verdict import DOUBT_WAIT_S, as_png, code_of

QUEUED, IN_DOUBT, PARKED, FAILED = (
    *(ContentState.QUEUED, ContentState.IN_DOUBT),
    *(ContentState.PARKED, ContentState.FAILED),
)


@pytest.fixture
def bench(tmp_path):
    ledger = opened(tmp_path, Clock())
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 1)])
    begin(ledger, 1)
    yield Bench(ledger, tmp_path, Clock())
    ledger.close()


def sent(bench):
    return bench.contents.get(sha(1))


def answered(status):
    return ResponseInfo(status=status)


def error_of(cls, status=None, **facts):
    response = None if status is None else answered(status)
    return cls("It did not work.", response=response, **facts)


def test_a_good_answer_is_kept_before_it_is_put_down(bench, tmp_path):
    bench.receive(sha(1), PICTURE)
    bench.judge.good(sent(bench), result_of(PICTURE))
    found = sent(bench)
    assert (found.state, found.billed, found.kept) == (ContentState.CUT, 1, True)
    assert bench.spool.cutout(sha(1)) == PICTURE
    assert {row.state for row in bench.paths.of_content(sha(1))} == {PathState.READY}


def test_an_answer_that_cannot_be_kept_is_still_being_sent(bench, tmp_path):
    bench.receive(sha(1), PICTURE)
    place = bench.spool._place_of(sha(1)).parent
    place.write_bytes(b"no folder")
    with pytest.raises(FileExistsError):
        bench.judge.good(sent(bench), result_of(PICTURE))
    assert sent(bench).state is ContentState.SENDING
    assert bench.spool.answer(sha(1)) == PICTURE


def test_an_answer_that_cost_nothing_is_no_bill(bench):
    bench.judge.good(sent(bench), result_of(PICTURE, billed=False))
    assert (sent(bench).billed, sent(bench).attempts) == (0, 0)


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "BMP"])
def test_a_cutout_in_another_format_is_kept_as_png(bench, format_):
    file = io.BytesIO()
    Image.new("RGB", SIZE, "red").save(file, format_)
    bench.judge.good(sent(bench), result_of(file.getvalue()))
    with Image.open(io.BytesIO(bench.spool.cutout(sha(1)))) as image:
        assert (image.format, image.size) == ("PNG", SIZE)


def test_a_png_is_kept_to_the_byte():
    assert as_png(result_of(PICTURE)) == PICTURE


# Each row: what failed, with its status, how much was sent, whether it was billed; where the
# content stands then; and in how many s it is sent again, None where that is no matter.
ENDS = {
    "refused connection": (errors.APIConnectionError, None, "nothing", False, QUEUED, 2),
    "reset while sending": (errors.APIConnectionError, None, "part", None, IN_DOUBT, DOUBT_WAIT_S),
    "no answer": (errors.APITimeoutError, None, "all", None, IN_DOUBT, DOUBT_WAIT_S),
    "certificate": (errors.ConnectionSetupError, None, "nothing", False, QUEUED, 0),
    "429": (errors.RateLimitError, 429, "all", False, QUEUED, 0),
    "quota": (errors.QuotaExceededError, 429, "all", False, QUEUED, 0),
    "day": (errors.DailyQuotaError, 429, "all", False, QUEUED, 0),
    "month": (errors.MonthlyQuotaError, 429, "all", False, QUEUED, 0),
    "401": (errors.AuthenticationError, 401, "all", False, QUEUED, 0),
    "402": (errors.PaymentRequiredError, 402, "all", False, QUEUED, 0),
    "403": (errors.PermissionDeniedError, 403, "all", False, QUEUED, 0),
    "not verified": (errors.EmailNotVerifiedError, 403, "all", False, QUEUED, 0),
    "redirect": (errors.EndpointError, 302, "all", False, QUEUED, 0),
    "both keys": (errors.ConflictingCredentialsError, 400, "all", False, QUEUED, 0),
    "pending": (errors.CutoutPendingError, None, "nothing", False, QUEUED, 2),
    "a site's rule": (errors.SpendingError, None, "nothing", False, QUEUED, 0),
    "400": (errors.BadRequestError, 400, "all", False, FAILED, None),
    "invalid": (errors.InvalidRequestError, 422, "all", False, FAILED, None),
    "413": (errors.RequestTooLargeError, 413, "all", False, FAILED, None),
    "418": (errors.APIStatusError, 418, "all", False, FAILED, None),
    "invalid here": (errors.ValidationError, None, "nothing", False, FAILED, None),
    "503": (errors.InternalServerError, 503, "all", False, QUEUED, 2),
    "500": (errors.InternalServerError, 500, "all", None, IN_DOUBT, DOUBT_WAIT_S),
    "504": (errors.InternalServerError, 504, "all", None, IN_DOUBT, DOUBT_WAIT_S),
    "cut short on the way": (errors.APIConnectionError, 200, "all", True, FAILED, None),
    "no picture": (errors.NotAnImageError, 200, "all", True, FAILED, None),
    "another size": (errors.APIResponseError, None, "all", True, FAILED, None),
    "half a picture": (errors.NotAnImageError, None, "all", True, FAILED, None),
    "shrunk": (errors.DownscaledResultError, None, "all", True, PARKED, None),
    "shrunk, free": (errors.DownscaledResultError, None, "all", False, PARKED, None),
}


@pytest.mark.parametrize("name", ENDS)
def test_how_a_call_ends_decides_where_its_content_stands(bench, name):
    cls, status, sent_, billed, state, wait_s = ENDS[name]
    error = error_of(cls, status, sent=sent_, billed=billed)
    assert bench.judge.bad(sent(bench), error) is state
    found = sent(bench)
    assert found.state is state
    assert (found.billed, found.in_doubt) == (billed is True, billed is None)
    assert found.attempts == (billed is not False)
    assert found.tried == ((NOON, "It did not work."),)
    if wait_s is not None:
        assert found.not_before == NOON + wait_s
    if state in {FAILED, PARKED}:
        assert (found.code, found.reason) == (OUTCOMES[cls].form_code, "It did not work.")
    if state is FAILED:
        assert found.status == status
    failing = state is FAILED
    expected = PathState.FAILING if failing else PathState.WAITING
    assert {row.state for row in bench.paths.of_content(sha(1))} == {expected}


def test_every_class_of_errors_has_its_row():
    tried = {row[0] for row in ENDS.values()}
    abstract = {errors.RembgError, errors.APIError, errors.ConfigurationError}
    classes = {cls for cls in OUTCOMES if issubclass(cls, errors.RembgError)}
    assert classes - abstract == tried


@pytest.mark.parametrize("name", [name for name, row in ENDS.items() if row[4] is IN_DOUBT])
def test_under_park_a_doubt_waits_for_a_person(tmp_path, name):
    ledger = opened(tmp_path, Clock())
    ledger.paths.add([taken("a.jpg", 1)])
    begin(ledger, 1)
    bench = Bench(ledger, tmp_path, Clock(), retry_doubts=False)
    cls, status, sent_, billed, *_ = ENDS[name]
    error = error_of(cls, status, sent=sent_, billed=billed)
    assert bench.judge.bad(sent(bench), error) is PARKED
    assert sent(bench).attempts == 1
    ledger.close()


@pytest.mark.parametrize("name", [name for name, row in ENDS.items() if row[3] is True])
def test_no_call_that_was_billed_for_certain_is_made_again(bench, name):
    cls, status, sent_, billed, *_ = ENDS[name]
    bench.judge.bad(sent(bench), error_of(cls, status, sent=sent_, billed=billed))
    assert sent(bench).state in {FAILED, PARKED}
    assert bench.contents.next_to_send() is None


def test_the_wait_before_a_free_repeat_grows_to_five_minutes(bench):
    waits = []
    for _ in range(12):
        error = error_of(errors.APIConnectionError, sent="nothing", billed=False)
        bench.judge.bad(sent(bench), error)
        waits.append(sent(bench).not_before - NOON)
        begin(bench.ledger, 1)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]


@pytest.mark.parametrize("kind", ["in the spool", "in the error"])
def test_what_was_paid_for_and_is_of_no_use_is_put_away(bench, tmp_path, kind):
    result = None
    if kind == "in the spool":
        bench.receive(sha(1), WRAPPED)
    else:
        result = result_of(HTML)
    error = error_of(errors.NotAnImageError, 200, sent="all", billed=True, result=result)
    bench.judge.bad(sent(bench), error)
    (path,) = (tmp_path / "refused").iterdir()
    assert path.read_bytes() == (WRAPPED if kind == "in the spool" else HTML)
    assert [name for name in files(tmp_path) if "spool" in name] == []


def test_a_shrunk_answer_is_put_away_and_its_names_wait(bench, tmp_path):
    bench.receive(sha(1), PICTURE)
    error = error_of(errors.DownscaledResultError, sent="all", billed=True)
    bench.judge.bad(sent(bench), error)
    assert [path.name for path in (tmp_path / "refused").iterdir()] == [f"{sha(1).hex()}.png"]
    assert {row.state for row in bench.paths.of_content(sha(1))} == {PathState.WAITING}


def test_the_code_of_an_error_is_that_of_its_first_field():
    field = FieldError(field="w", message="too wide", code="max_value")
    error = errors.ValidationError("too wide", errors=[field])
    assert code_of(error) == "max_value"
    assert code_of(errors.RateLimitError("429")) == "rate_limit"
    assert code_of(MemoryError()) == "error"
    assert code_of(PermissionError()) == "output"
