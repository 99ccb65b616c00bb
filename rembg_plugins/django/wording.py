"""How many of what, in words."""

from __future__ import annotations


def many(number: int, word: str, plural: str = "") -> str:
    """The number and the word, as in ``1 credit`` and ``2 credits``.

    Args:
        number: How many.
        word: Of one of them.
        plural: Of several, where that is not the same word with an ``s``.
    """
    return f"{number} {word if number == 1 else plural or f'{word}s'}"
