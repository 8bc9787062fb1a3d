"""What stands in the way of scoring on Spark, found before anything runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path as File

from ..mapping.document import Mistake, Path
from ..model.caps import plain
from ..model.definition import HealthModel
from .spark_sql import refused

#: Set by Spark in a program that it has started itself.
_STARTED = "PYSPARK_GATEWAY_PORT"


def missing() -> tuple[str, str] | None:
    """What has to be installed first, and how; None if nothing."""
    if importlib.util.find_spec("pyspark") is None:
        how = "Install it: pip install 'crm-health-connector[spark]'"
        return "Spark needs pyspark, which is not installed", how
    if _STARTED in os.environ:
        return None
    home = os.environ.get("JAVA_HOME")
    if home and not (File(home) / "bin" / "java").exists():
        return f"Spark needs Java, and there is none in JAVA_HOME ({home})", "Correct or unset it."
    if not home and not shutil.which("java"):
        how = "Install it (Debian: apt install default-jre-headless), or set JAVA_HOME."
        return "Spark needs Java 17 or later, which is not installed", how
    return None


def mistakes(model: HealthModel) -> list[Mistake]:
    """The expressions of a model that Spark would not give the same value for."""
    return [
        Mistake(path, said, 'write it without, or set type = "duckdb": docs/scale.md')
        for path, sql in _expressions(model)
        if sql and (said := refused(sql))
    ]


def _expressions(model: HealthModel) -> Iterator[tuple[Path, str]]:
    for number, measure in enumerate(model.measures):
        yield ("measures", number, "value"), measure.value
        yield ("measures", number, "where"), measure.where
        yield ("measures", number, "enough"), measure.enough
        if measure.shrink:
            yield ("measures", number, "shrink", "evidence"), measure.shrink.evidence
    lists = ("rules", "caps", "blind_spots", "segments", "alerts", "checks")
    for name in lists:
        for number, each in enumerate(getattr(model, name)):
            yield (name, number, "when"), plain(each.when)
    if model.override:
        for name in ("tier", "until", "by", "reason"):
            yield ("override", name), getattr(model.override, name)
