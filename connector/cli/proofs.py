"""The examples in mapping and model files, run in the engine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Problem

if TYPE_CHECKING:
    from ..config import Loaded
    from ..mapping.document import Mistake
    from ..mapping.examples import Example


def prove(loaded: Loaded) -> int:
    """Run every example; how many there are. Raises ConfigError with all that do not hold."""
    from ..mapping import examples as of_mapping
    from ..model import examples as of_model
    from ..model import results, theme_examples

    files, columns = loaded.settings.files, results.columns(loaded.model)
    written = of_mapping.statements(loaded.mapping, columns)
    scored = of_model.statements(loaded.model)
    heard = theme_examples.statements(loaded.themes)
    wrong = [
        *_wrong(loaded.folder / files.mapping, written, of_mapping.judge),
        *_wrong(loaded.folder / files.model, scored, of_model.judge),
        *_wrong(loaded.folder / files.themes, heard, theme_examples.judge),
    ]
    if wrong:
        raise ConfigError(wrong, hint="Correct the file or the example.")
    return len(written) + len(scored) + len(heard)


def _wrong(
    path: Path,
    examples: Iterable[Example],
    judge: Callable[[Example, Any], Mistake | None],
) -> list[Problem]:
    from ..engines.duckdb import DuckDB
    from ..mapping.document import placed, scan

    examples = tuple(examples)
    if not examples:
        return []
    with tempfile.TemporaryDirectory() as scratch, closing(DuckDB(scratch=Path(scratch))) as engine:
        judged = [judge(each, engine.dicts(each.sql)[0]) for each in examples]
    lines = scan(path.read_text(encoding="utf-8"))
    shown = f"{path.parent.name}/{path.name}"
    return placed([mistake for mistake in judged if mistake], lines, shown)
