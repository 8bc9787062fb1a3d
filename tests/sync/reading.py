"""What tests of reading ask and change: the lake's newest records, receipts, the mapping."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from connector.engines.duckdb import DuckDB
from connector.sync.flow import Receipt, pull_only
from connector.sync.pull import columns_of
from tests.world import ROOT, World

EARLY = "2020-01-01T00:00:00Z"


def pull(here: World) -> Receipt:
    """One pull by a fresh installation object."""
    return pull_only(here.app())


def rows(here: World, stream: str, what: str, where: str = "TRUE") -> list[tuple[Any, ...]]:
    """Ask the newest records of a stream."""
    app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
    newest = app.lake.newest(stream, engine, columns_of(app, stream), ("source", "id"))
    found = engine.rows(f"SELECT {what} FROM ({newest}) WHERE {where}")
    engine.close()
    return found


def odd(done: Receipt) -> dict[str, tuple[int, list[str]]]:
    """A receipt's oddities by rule."""
    return {each["rule"]: (each["count"], each["ids"]) for each in done.odd}


def read(done: Receipt, stream: str, object: str) -> dict[str, Any]:
    """How an object was read."""
    return dict(done.streams[stream]["objects"][object])


def setting(here: World, text: str) -> None:
    """Add a line to [pull]."""
    change(here.config, "[pull]\n", f"[pull]\n{text}\n")


def mapping(here: World, old: str, new: str) -> None:
    """Change the mapping as a person would; it becomes the installation's own."""
    own = here.folder / "mappings"
    if not own.exists():
        shutil.copytree(ROOT / "mappings", own)
        change(here.config, str(ROOT / "mappings"), "mappings")
    change(own / "salesforce.toml", old, new)


def change(path: Path, old: str, new: str) -> None:
    """Change a file; it must say `old`."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def person(here: World, object: str, id: str = "", do: str = "edit", **more: Any) -> str:
    """Let a person do something, and the second pass in which it was."""
    asked = {"crm": "salesforce", "object": object, "do": do, **({"id": id} if id else {}), **more}
    done = here.control("people", asked)
    here.advance("2s")
    return str(done["id"])
