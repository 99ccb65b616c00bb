"""Specs of renditions, with and without their backgrounds."""

from __future__ import annotations

from rembg_plugins.wagtail.look import NAME

_WHOLE = "original"


def is_cut_out(spec: str) -> bool:
    """Whether it asks for a cut-out."""
    return any(_is_ours(part) for part in spec.split("|"))


def with_cutout(spec: str) -> str:
    """The spec itself where it asks for a cut-out, else the spec of a plain one."""
    return spec if is_cut_out(spec) else f"{NAME}|{spec}"


def without_cutout(spec: str) -> str:
    """What is shown meanwhile: the same size and format, with the background."""
    return "|".join(part for part in spec.split("|") if not _is_ours(part)) or _WHOLE


def _is_ours(part: str) -> bool:
    return part.partition("-")[0] == NAME
