from __future__ import annotations

import errno

import pytest
import requests
from botocore.exceptions import ClientError
from core.pictures import encoded
from django_site.broken_storage import Broken

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django import cutouts
from rembg_plugins.django.complaints import Complaints


def lines(caplog):
    return [one.getMessage() for one in caplog.records if one.name.endswith("complaints")]


def refusal(number):
    return OSError(number, "of a test")


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        (refusal(errno.ENOSPC), "Make room there"),
        (refusal(errno.EACCES), "Let the user that the site runs as"),
        (ConnectionError("away"), "at its credentials and its network"),
    ],
    ids=str,
)
def test_each_cause_is_told_once_with_its_remedy(caplog, problem, remedy):
    complaints = Complaints("private")
    for number in range(3):
        complaints.tell("read", f"cutouts/{number}", problem)
    (line,) = lines(caplog)
    assert line.startswith("Cannot read cutouts/0 in STORAGES['private']: ")
    assert remedy in line


def test_other_causes_are_told_as_well(caplog):
    complaints = Complaints("private")
    for tried in ("read", "keep"):
        for problem in (refusal(errno.ENOSPC), refusal(errno.EACCES), ValueError("x")):
            complaints.tell(tried, "cutouts/0", problem)
    assert len(lines(caplog)) == 6


def of_s3(code):
    """An error as botocore makes it of an answer: one class for all of them."""
    return ClientError({"Error": {"Code": code, "Message": "of a test"}}, "GetObject")


def test_causes_of_one_class_are_told_apart_by_the_storage_s_code(caplog):
    complaints = Complaints("private")
    for code in ("SlowDown", "AccessDenied", "SlowDown", "AccessDenied"):
        complaints.tell("read", "cutouts/0", of_s3(code))
    assert ["SlowDown" in line for line in lines(caplog)] == [True, False]


@pytest.mark.parametrize("response", [None, "text", {}, {"Error": None}, requests.Response()])
def test_a_response_of_another_kind_is_no_hindrance(caplog, response):
    problem = ValueError("of a test")
    problem.response = response
    Complaints("private").tell("read", "cutouts/0", problem)
    assert len(lines(caplog)) == 1


def test_a_cause_that_stays_is_told_again_after_an_hour(caplog, clock):
    complaints = Complaints("private", clock=clock)
    told = []
    for _ in range(5):
        complaints.tell("read", "cutouts/0", refusal(errno.EACCES))
        told.append(len(lines(caplog)))
        clock.sleep(1800)
    assert told == [1, 1, 2, 2, 3]


def test_so_many_are_remembered_and_no_more(caplog):
    complaints = Complaints("private")
    for number in range(101):
        complaints.tell("read", "cutouts/0", refusal(1000 + number))
    complaints.tell("read", "cutouts/0", refusal(1100))
    assert (len(lines(caplog)), len(complaints._told)) == (101, 100)
    complaints.tell("read", "cutouts/0", refusal(1000))
    assert len(lines(caplog)) == 102


@pytest.mark.django_db
def test_page_views_of_many_pictures_make_one_line(counted, broken, caplog):
    broken(open="")
    for number in range(4):
        with pytest.raises(ConfigurationError):
            cutouts.remove(encoded("JPEG", size=(20, 10 + number)))
    assert Broken.fails
    assert len(lines(caplog)) == 1
