"""One job under way, as the worker and the one who listens both see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_plugins.cli.budget import Meter
    from rembg_plugins.cli.plan import Job
    from rembg_plugins.cli.targets import Target
    from rembg_plugins.core.engine import ProgressEvent
    from rembg_plugins.core.result import Result


@dataclass(slots=True, eq=False)
class Work:
    """One job under way.

    Attributes:
        job: What is done.
        meter: What it costs.
        share: How far its call has come, 0 to 1.
        result: What was made of it.
        error: Why nothing was.
    """

    job: Job
    meter: Meter
    share: float = 0.0
    result: Result | None = None
    error: BaseException | None = None

    def follow(self, event: ProgressEvent) -> None:
        """Keep how far the call has come: half for the way there, half for the way back."""
        self.share = (event.progress or 0.0) / 2 + (0.5 if event.direction == "download" else 0.0)

    def is_first(self, target: Target) -> bool:
        """Whether a target is the one of its job that the costs are put down to."""
        return target is self.job.targets[0]

    def spent_on(self, target: Target) -> int:
        """The credits that a target of this job cost for certain."""
        return self.meter.spent if self.is_first(target) else 0

    def in_doubt_on(self, target: Target) -> int:
        """The calls for a target of this job of which nobody can know."""
        return self.meter.in_doubt if self.is_first(target) else 0
