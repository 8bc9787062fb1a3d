"""Imports point down; adapters never import each other; the engine knows no adapter."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1] / "connector"

#: From the ground up. A room may import from its own floor and from those below.
FLOORS = (
    ("errors", "quicker", "records", "spans"),
    ("fieldplan", "protocols", "secrets", "http", "signin", "tables"),
    ("login",),
    ("mapping", "model"),
    ("engines", "store", "rest", "files"),
    ("crm", "sources"),
    ("sync", "insights"),
    ("service", "report"),
    ("config", "shipped"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports() -> Iterator[tuple[Path, tuple[str, ...], tuple[str, ...]]]:
    """Every import of our own code: the file, its module path, and the path imported."""
    for file in sorted(ROOT.rglob("*.py")):
        here = ("connector", *file.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                for name in node.names:
                    yield file, here, tuple(name.name.split("."))
            elif isinstance(node, ast.ImportFrom):
                package = here[: len(here) - node.level] if node.level else ()
                base = (*package, *(node.module or "").split(".")) if node.module else package
                for name in node.names:
                    yield file, here, (*base, name.name)


def room(path: tuple[str, ...]) -> str | None:
    """The room a module path lies in; None for what is not ours."""
    return path[1] if len(path) > 1 and path[0] == "connector" else None


def test_imports_point_down():
    """No room knows what stands above it."""
    wrong = [
        f"{file.relative_to(ROOT)} imports {'.'.join(target)}"
        for file, here, target in imports()
        if room(here) in FLOOR and room(target) in FLOOR
        and FLOOR[room(target)] > FLOOR[room(here)]
    ]  # fmt: skip
    assert wrong == []


def test_every_room_has_a_floor():
    """A new folder is placed before it is filled."""
    rooms = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__", "sandbox"} <= set(FLOOR)


def test_the_sandbox_knows_only_errors_and_records_and_is_known_only_by_the_command_line():
    """It could be a product of its own."""
    for file, here, target in imports():
        if room(here) == "sandbox" and room(target):
            assert room(target) in {"sandbox", "errors", "records"}, file
        if room(target) == "sandbox":
            assert room(here) in {"sandbox", "cli"}, file


def test_adapters_do_not_know_each_other():
    """One system's file never reaches into another's."""
    for file, here, target in imports():
        if room(here) in {"crm", "sources"} and room(target) in {"crm", "sources"}:
            assert target[1:3] == here[1:3] or target[1:2] == here[1:2] == ("sources",), file
            if room(here) == "sources":
                assert len(target) < 3 or target[2].startswith("_") or target[2] == here[2], file


def test_the_engine_knows_systems_only_as_protocols():
    """sync/ never names Salesforce, zenloop or DuckDB."""
    for file, here, target in imports():
        if room(here) in {"sync", "insights"}:
            assert room(target) not in {"crm", "sources", "engines"}, file


def test_the_middle_is_pure():
    """mapping/ and model/ open nothing and read no clock."""
    forbidden = {"os", "requests", "duckdb", "deltalake", "sqlalchemy", "socket", "time"}
    for file, here, target in imports():
        if room(here) in {"mapping", "model"}:
            assert target[0] not in forbidden, f"{file}: {target[0]}"


def test_no_module_is_longer_than_four_hundred_lines():
    """A module that long tells two stories."""
    long = {
        str(file.relative_to(ROOT)): count
        for file in ROOT.rglob("*.py")
        if (count := len(file.read_text().splitlines())) > 400
    }
    assert long == {}
