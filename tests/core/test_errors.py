from __future__ import annotations

import inspect
import pickle
import traceback

import pytest

from rembg_plugins.core import errors
from rembg_plugins.core.errors import FieldError, RembgError, ResponseInfo, ValidationError

CLASSES = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, RembgError)
]
FIELD = FieldError(field="w", message="'w' must be an integer, got: 'abc'", code="not_integer")
CONTEXT = {
    "errors": (FIELD,),
    "sent": "all",
    "billed": None,
    "response": ResponseInfo(status=400, body="{}", content_type="text/html", retry_after=3.0),
    "final": True,
}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_made_alike_and_pickles(cls):
    error = cls("text", **CONTEXT)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is cls
    assert str(again) == "text"
    assert {name: getattr(again, name) for name in CONTEXT} == CONTEXT
    assert again.status == 400


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_has_defaults_that_claim_nothing(cls):
    error = cls()
    assert (error.errors, error.sent, error.billed) == ((), "nothing", False)
    assert (error.response, error.result, error.final, error.status) == (None, None, False, None)


def test_a_validation_error_makes_its_text_of_its_fields():
    other = FieldError(field="h", message="Bad.", code="bad")
    error = ValidationError(errors=(FIELD, other))
    assert str(error) == "'w' must be an integer, got: 'abc'. Bad."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_the_tree_in_the_docstring_is_the_tree():
    documented = []
    for line in errors.__doc__.split("::", 1)[1].splitlines():
        name = line.replace("│", " ").replace("├──", "   ").replace("└──", "   ")
        words = name.split()
        if not words or words[0].startswith("What"):
            continue
        if not hasattr(errors, words[0]):
            break
        depth = (len(name) - len(name.lstrip()) - 4) // 4
        documented.append((depth, words[0], "(+ " in line or "(ValueError)" in line))
    assert {name for _, name, _ in documented} == {cls.__name__ for cls in CLASSES}
    stack = {}
    for depth, name, diamond in documented:
        cls = getattr(errors, name)
        stack[depth] = cls
        if depth:
            assert stack[depth - 1] in cls.__bases__, name
        assert (len(cls.__bases__) > 1) == diamond, name


def test_a_cause_is_kept_in_the_traceback():
    cause = OSError("refused")
    try:
        raise errors.APIConnectionError("no answer") from cause
    except RembgError as error:
        assert "refused" in "".join(traceback.format_exception(error))
