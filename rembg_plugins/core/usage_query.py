"""What may be asked of the membership usage, declared and checked once.

Source: API reference, "Membership usage".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rembg_plugins.core import messages
from rembg_plugins.core.errors import FieldError, ValidationError
from rembg_plugins.core.option_values import OptionProblem, parse_boolean, parse_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

LATEST_UNIX = 253_402_300_799  # s: the end of the year 9999, which every calendar can show
_EXPANSIONS = ("billing_cycle",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInfo:
    """What is declared of one parameter.

    Attributes:
        help: One sentence for people.
        kind: ``"integer"``, ``"boolean"`` or ``"flags"``: names with commas between.
        minimum: The least value, or None.
        maximum: The greatest value, or None.
        choices: The names that flags may have.
    """

    help: str
    kind: Literal["integer", "boolean", "flags"]
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()


USAGE_PARAMETERS: Mapping[str, ParameterInfo] = {
    "year": ParameterInfo(
        help="Year of a calendar month in UTC; the current one by default.",
        kind="integer",
        minimum=1,
        maximum=9999,
    ),
    "month": ParameterInfo(
        help="Month of that year; the current one by default.",
        kind="integer",
        minimum=1,
        maximum=12,
    ),
    "periodStartUnix": ParameterInfo(
        help="One billing period, by its start in Unix seconds; not together with year or month.",
        kind="integer",
        minimum=0,
        maximum=LATEST_UNIX,
    ),
    "expand": ParameterInfo(
        help="billing_cycle adds the object billingCycle.", kind="flags", choices=_EXPANSIONS
    ),
    "includeBillingCycle": ParameterInfo(help="The same as expand=billing_cycle.", kind="boolean"),
    "listBillingCycles": ParameterInfo(
        help="Give the list of billing periods alone; every other parameter is ignored.",
        kind="boolean",
    ),
}
"""Name and declaration of each parameter of the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """A checked question; made by :func:`parse_usage_query`.

    Attributes:
        year: Of a calendar month in UTC, 1 to 9999; None for the current one.
        month: 1 to 12; None for the current one.
        period_start: Start of a billing period in Unix seconds; None for a calendar month.
        billing_cycle: Whether the billing period is asked for too.
        list_cycles: Whether the list of periods is asked for instead; all else is ignored.
    """

    year: int | None = None
    month: int | None = None
    period_start: int | None = None
    billing_cycle: bool = False
    list_cycles: bool = False


def parse_usage_query(raw: Mapping[str, object]) -> UsageQuery:
    """The question that a query string or keywords with the API's names stand for.

    None stands for "not given", and parameters that are not ours are ignored, as by the API.

    Raises:
        ValidationError: With everything that is wrong at once.
    """
    given = {name: raw.get(name) for name in USAGE_PARAMETERS}
    if given["listBillingCycles"] is not None and _is_set(given["listBillingCycles"]):
        return UsageQuery(list_cycles=True)  # "every other parameter is ignored"
    values: dict[str, object] = {}
    errors: list[FieldError] = []
    for name, value in given.items():
        if value is None:
            continue
        try:
            values[name] = _parse(name, value)
        except OptionProblem as problem:
            errors.append(problem.error)
    if given["periodStartUnix"] is not None and (given["year"], given["month"]) != (None, None):
        errors.append(messages.PERIOD_AND_MONTH.on("periodStartUnix"))
    if errors:
        raise ValidationError(errors=errors)
    return UsageQuery(
        year=values.get("year"),  # type: ignore[arg-type]  # parsed above
        month=values.get("month"),  # type: ignore[arg-type]  # parsed above
        period_start=values.get("periodStartUnix"),  # type: ignore[arg-type]  # parsed above
        billing_cycle=bool(values.get("includeBillingCycle") or values.get("expand")),
    )


def query_parameters(query: UsageQuery) -> dict[str, str]:
    """The query string's members for a question; :func:`parse_usage_query` reads them back."""
    if query.list_cycles:
        return {"listBillingCycles": "1"}
    numbers = {"year": query.year, "month": query.month, "periodStartUnix": query.period_start}
    parameters = {name: str(value) for name, value in numbers.items() if value is not None}
    if query.billing_cycle:
        parameters["expand"] = _EXPANSIONS[0]
    return parameters


def _parse(name: str, value: object) -> object:
    info = USAGE_PARAMETERS[name]
    if info.kind == "integer":
        return parse_integer(name, value, minimum=info.minimum, maximum=info.maximum)
    if info.kind == "boolean":
        return parse_boolean(name, value)
    # Flags that we do not know may come at any time, and mean nothing to us.
    return any(flag.strip() in info.choices for flag in str(value).split(","))


def _is_set(value: object) -> bool:
    try:
        return parse_boolean("listBillingCycles", value)
    except OptionProblem as problem:
        raise ValidationError(errors=[problem.error]) from problem
