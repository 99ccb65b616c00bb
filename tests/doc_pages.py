"""The pages that readers see, and what stands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, its first line in the page."""

    language: str
    code: str
    line: int
    not_run: str | None


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def flowing(page: Path) -> str:
    """The text in one line, so that sentences are found wherever they are broken."""
    return " ".join(text_of(page).split())


def blocks(page: Path, language: str) -> list[Block]:
    text = text_of(page)
    return [
        Block(
            language=found["language"],
            code=found["code"],
            line=text.count("\n", 0, found.start("code")) + 1,
            not_run=found["reason"],
        )
        for found in _FENCE.finditer(text)
        if found["language"] == language
    ]


def section(page: Path, heading: str) -> str:
    """What stands under a heading, down to the next of its level."""
    level = re.escape(heading.split(" ", 1)[0])
    return re.split(rf"^{level} ", text_of(page).split(f"\n{heading}\n", 1)[1], flags=re.MULTILINE)[
        0
    ]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the code host and MyST make them."""
    bare = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,6} (.+)$", bare, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
