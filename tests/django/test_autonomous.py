from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from django_site.servers import until_alone
from psycopg import IsolationLevel

from rembg_plugins.core.errors import SpendingError
from rembg_plugins.django import ledger
from rembg_plugins.django.autonomous import autonomous
from rembg_plugins.django.models import Call, Window
from rembg_plugins.django.purpose import Purpose, on_behalf, purpose
from rembg_plugins.django.setting_values import Budget


class PageError(Exception):
    pass


def begin(**budget):
    return ledger.begin(
        key="k", engine="e", is_paid=True, purpose=Purpose(), budget=Budget(**budget)
    )


def test_on_postgresql_a_credit_stays_spent_where_the_page_is_rolled_back(on_postgresql):
    with pytest.raises(PageError), transaction.atomic(using="postgresql"):  # noqa: PT012 - a view
        begin(day=5)
        Window.objects.create(name="the page's", ends=timezone.now())
        raise PageError
    assert Call.objects.get().credits == 1
    windows = Window.objects.values_list("name", "reserved")
    assert sorted((name.partition(" ")[0], reserved) for name, reserved in windows) == [
        ("day", 1),
        ("hour", 1),
    ]


def test_on_postgresql_what_the_ledger_refuses_is_raised_and_the_page_goes_on(on_postgresql):
    with transaction.atomic(using="postgresql"):
        with pytest.raises(SpendingError, match="used up"):
            begin(day=0)
        Window.objects.create(name="the page's", ends=timezone.now())
    assert Window.objects.filter(name="the page's").exists()
    assert not Call.objects.exists()


def test_on_postgresql_a_row_of_its_own_can_be_ended_within_the_same_page(on_postgresql):
    with pytest.raises(PageError), transaction.atomic(using="postgresql"):  # noqa: PT012 - a view
        number = begin()
        ledger.end(number, outcome=Call.Outcome.DONE, error="", billed=True, seconds=1.0)
        raise PageError
    assert Call.objects.get().outcome == "done"


def test_it_knows_for_whom_it_writes(on_postgresql):
    with transaction.atomic(using="postgresql"), on_behalf(Purpose(who="me")):
        assert autonomous(Call, lambda: (purpose().who, threading.current_thread().name)) == (
            "me",
            "rembg-ledger_0",
        )


def test_it_leaves_no_connection_open(on_postgresql):
    def in_a_thread_of_a_pool():
        autonomous(Call, begin)
        return connections["postgresql"].connection

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(in_a_thread_of_a_pool).result() is None
    with transaction.atomic(using="postgresql"):
        autonomous(Call, begin)
    until_alone(on_postgresql)


def test_a_connection_that_was_open_stays_open(on_postgresql):
    on_postgresql.ensure_connection()
    begin()
    assert on_postgresql.connection is not None


def test_in_a_test_case_it_is_a_part_of_the_test(on_postgresql):
    with transaction.atomic(using="postgresql") as _:
        on_postgresql.atomic_blocks[-1]._from_testcase = True
        begin()
        with transaction.atomic(using="postgresql"):  # as with ATOMIC_REQUESTS
            begin()
            here = threading.current_thread()
            assert autonomous(Call, threading.current_thread) is here
        transaction.set_rollback(True, using="postgresql")
    assert not Call.objects.exists()


@pytest.mark.django_db
def test_django_marks_the_transaction_of_a_test_case():
    assert connection.atomic_blocks[0]._from_testcase


@pytest.mark.django_db(transaction=True)
def test_on_sqlite_what_is_rolled_back_is_lost_and_nothing_waits_for_itself(site):
    with pytest.raises(PageError), transaction.atomic():  # noqa: PT012 - a view
        Window.objects.create(name="the page's", ends=timezone.now())
        begin(day=5)
        raise PageError
    assert not Call.objects.exists()
    begin(day=5)
    assert Call.objects.get().credits == 1


@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE"])
def test_calls_at_once_are_not_refused_where_a_site_asks_for_strict_transactions(
    on_postgresql, level
):
    options = {"isolation_level": getattr(IsolationLevel, level)}
    connections.settings["postgresql"]["OPTIONS"] = options
    start, number = threading.Barrier(4), count()

    def spend(_):
        key = f"key-{next(number)}"
        start.wait(60)
        try:
            for _ in range(5):
                row = ledger.begin(
                    key=key, engine="e", is_paid=True, purpose=Purpose(), budget=Budget(hour=99)
                )
                ledger.end(row, outcome="failed", error="", billed=False, seconds=0)
        finally:
            connections["postgresql"].close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(spend, range(4)))
    assert set(Call.objects.values_list("outcome", "credits")) == {("failed", 0)}
    assert set(Window.objects.values_list("reserved", flat=True)) == {0}


def test_a_page_in_a_transaction_waits_for_no_connection_of_django_s_pool(on_postgresql):
    only_one = {"min_size": 1, "max_size": 1, "timeout": 60}
    connections.settings["postgresql"]["OPTIONS"] = {"pool": only_one}

    def page():
        try:
            with transaction.atomic(using="postgresql"):  # it holds the only one
                begin()
        finally:
            connections["postgresql"].close()
            connections["postgresql"].close_pool()

    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(page).result()
    finally:
        connections.settings["postgresql"]["OPTIONS"] = {}
    assert Call.objects.count() == 1
