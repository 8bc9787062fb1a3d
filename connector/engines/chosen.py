"""`[engine]`: what works out scores, and with how much memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ..mapping.document import Mistake
from ..model.definition import HealthModel

_AMOUNT = re.compile(r"[1-9]\d*(\.\d+)?\s?[KMGT]i?B")


def _amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount of memory; write for example 512MB or 2GB")
    return text


#: An amount of memory, written `512MB`.
Amount = Annotated[str, AfterValidator(_amount)]


@dataclass(frozen=True, slots=True)
class OnSpark:
    """Where Spark runs (empty: where `spark-submit` says), and with how much memory.

    `scratch` is a folder that every worker and this machine reach; `conf` is handed to Spark as it
    stands.
    """

    master: str = "local[*]"
    memory: Amount = "4GB"
    scratch: str = ""
    conf: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Engine:
    """What works out scores, and how much memory DuckDB may take, which does all the rest."""

    type: Literal["duckdb", "spark"] = "duckdb"
    memory: Amount = "512MB"
    threads: Annotated[int, Field(ge=1)] | None = None
    spark: OnSpark = field(default_factory=OnSpark)


def scorer(engine: Engine, folder: Path, spill: Path) -> Callable[[], Any] | None:
    """What makes the engine for scores, where that is another one than the run's own.

    Raises ConfigError when something for it is not installed.
    """
    if engine.type == "duckdb":
        return None
    from .spark import Spark, require

    require()
    own, named = engine.spark, engine.spark.scratch
    scratch = named if "://" in named else folder / named if named else spill
    return partial(Spark, master=own.master, memory=own.memory, scratch=scratch, conf=own.conf)


def mistakes(engine: Engine, model: HealthModel) -> list[Mistake]:
    """What of a model the chosen engine would not give the same value for."""
    if engine.type == "duckdb":
        return []
    from . import spark_checks

    return spark_checks.mistakes(model)
