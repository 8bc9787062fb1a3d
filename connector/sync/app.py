"""Everything one run needs, put together by `config` and handed down the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..mapping.objects import CrmMapping
from ..model.definition import HealthModel
from ..model.dictionary import Dictionary
from ..model.matching import Matching
from ..spans import span
from ..store.lake import Lake
from ..store.state import State

#: A part of a whole, from 0 to 1.
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Guards:
    """When a run refuses to write.

    `max_change`: the share of accounts whose tier, once written, may change in one run.
    `max_vanish`: the share of known accounts that may be missing from a full pull.
    `org_id`: the only org that may be written to; pinned at the first run when empty.
    """

    max_change: Share = 0.3
    max_vanish: Share = 0.5
    org_id: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of the API allowance one run may use, as a share of what the day allows.

    `reserve` is kept for people: a run stops before the rest of the day is less than that.
    """

    share: Share = 0.2
    reserve: Share = 0.05


@dataclass(frozen=True, slots=True)
class Pulling:
    """How objects are read.

    `overlap`: how far behind its watermark a pull begins again, for rows may appear later than
    their stamp. `refresh`: how often all of an object is looked at, because formulas change and
    records vanish without a trace. `parallel`: how many objects are read side by side. `memory`:
    how long versions of records stay that newer ones have replaced.
    """

    overlap: str = "30m"
    refresh: str = "7d"
    parallel: Annotated[int, Field(ge=1, le=8)] = 5
    memory: str = "365d"

    def __post_init__(self) -> None:
        span(self.overlap)
        span(self.refresh)
        span(self.memory)

    @property
    def overlap_span(self) -> timedelta:
        return span(self.overlap)

    @property
    def refresh_span(self) -> timedelta:
        return span(self.refresh)

    @property
    def memory_span(self) -> timedelta:
        return span(self.memory)


@dataclass(frozen=True, slots=True)
class App:
    """The parts of one installation.

    `crm` and `sources` fit the protocols in `connector.protocols`; `engine` makes a fresh engine,
    `scorer` one that works out scores elsewhere; None: they are worked out in the run's own.
    """

    folder: Path
    crm: Any
    sources: Mapping[str, Any]
    mapping: CrmMapping
    model: HealthModel
    lake: Lake
    state: State
    engine: Any
    scorer: Any = None
    aliases: Path | None = None
    guards: Guards = field(default_factory=Guards)
    budget: Budget = field(default_factory=Budget)
    pulling: Pulling = field(default_factory=Pulling)
    matching: Matching = field(default_factory=Matching)
    model_file: Path | None = None
    themes: Dictionary = field(default_factory=Dictionary)

    @property
    def plans(self) -> Path:
        """Where plans and their journals lie."""
        return self.folder / "plans"

    @property
    def models(self) -> Path:
        """Where every model that has scored is kept, by its version."""
        return self.folder / "models"

    @property
    def scratch(self) -> Path:
        """Where raw pages lie while they are read."""
        return self.folder / "scratch"
