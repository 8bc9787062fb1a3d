"""What is heard in a few answers: the shipped dictionary, or one of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connector.engines.duckdb import DuckDB
from connector.mapping.expressions import literal
from connector.model import dictionary, themes
from connector.model.dictionary import Dictionary

SHIPPED = Path(__file__).parents[2] / "mappings" / "themes.toml"


@contextmanager
def engine() -> Iterator[DuckDB]:
    """An engine as production makes it."""
    with TemporaryDirectory() as scratch:
        made = DuckDB(threads=1, scratch=Path(scratch))
        yield made
        made.close()


@cache
def shipped() -> Dictionary:
    """The dictionary that is shipped."""
    return own(SHIPPED.read_text(encoding="utf-8"))


def own(text: str) -> Dictionary:
    """A dictionary of a test's own; without mistakes."""
    found, problems = dictionary.read(text, "themes.toml")
    assert found is not None, problems
    return found


def hear(*answers: dict[str, Any], by: Dictionary | None = None) -> list[dict[str, Any]]:
    """What is found in each of some answers."""
    rows = " UNION ALL ".join(
        f"SELECT {place} AS place, {_list(each.get('labels', ()))} AS labels, "
        + ", ".join(
            f"CAST({literal(each.get(name))} AS VARCHAR) AS {name}"
            for name in ("comment", "language", "sentiment")
        )
        for place, each in enumerate(answers)
    )
    with engine() as opened:
        return opened.dicts(f"FROM ({themes.tagged(rows, by or shipped())}) ORDER BY place")


def about(comment: str | None, language: str | None = None, **more: Any) -> list[str]:
    """The themes of one answer, in order."""
    (found,) = hear({"comment": comment, "language": language, **more})
    return sorted(found["themes"])


def mood(comment: str | None, language: str | None = None, **more: Any) -> str | None:
    """How one answer sounds."""
    (found,) = hear({"comment": comment, "language": language, **more})
    return found["mood"]


def _list(labels: Any) -> str:
    return f"CAST([{', '.join(map(literal, labels))}] AS VARCHAR[])"
