"""TOML texts become objects, or every mistake with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from connector.errors import Problem
from connector.mapping.document import Path, json_schema, parse, parse_data, scan
from connector.mapping.periods import Days


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    size: int = 1
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    name: str
    mode: Literal["fast", "slow"] = "fast"
    window: Days | None = None
    since: datetime | None = None
    origin: Annotated[str, Field(alias="from")] = ""
    items: tuple[Item, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


def problems(text: str) -> list[Problem]:
    value, found = parse(text, "f.toml", File)
    assert value is None
    return found


def test_a_right_file_becomes_an_object():
    """Tables, lists, moments, spans and renamed keys arrive typed and frozen."""
    text = """
name = "x"
from = "y"
window = "12w"
since = 2026-01-31T12:00:00Z
[[items]]
id = "a"
points = [[0, 0], [1, 50]]
"""
    value, found = parse(text, "f.toml", File)
    assert found == []
    assert value == File(
        name="x",
        origin="y",
        window=84,
        since=datetime(2026, 1, 31, 12, tzinfo=UTC),
        items=(Item("a", points=((0, 0), (1, 50))),),
    )


def test_all_mistakes_are_found_at_once():
    """A file with four mistakes is reported with four lines."""
    text = 'nmae = "x"\nmode = "quick"\n[[items]]\nid = 7\n[[items]]\nid = "b"\nsize = "big"\n'
    assert [(each.line, each.what) for each in problems(text)] == [
        (0, "'name' is missing"),
        (1, "unknown key 'nmae'"),
        (2, 'mode is "quick"'),
        (4, "id is 7"),
        (7, 'size is "big"'),
    ]


def test_an_unknown_key_is_met_with_the_nearest_known_one():
    """A typing error is answered with what was probably meant."""
    assert problems('name = "x"\nlabel = { en = "a" }')[0].fix == "did you mean 'labels'?"


def test_an_alias_is_the_key_that_is_suggested():
    """The name in the file counts, not the one in the program."""
    assert problems('name = "x"\nfrm = "a"')[0].fix == "did you mean 'from'?"


def test_a_missing_key_says_what_to_add():
    """Name and kind of the missing value are in the hint."""
    assert problems("items = [{ size = 2 }]\nname = 'x'") == [
        Problem("f.toml", 1, "'id' is missing", "add `id = …` (text in quotes)")
    ]


def test_a_wrong_type_says_what_is_expected():
    """Nothing is converted silently: a number in quotes is text."""
    (found,) = problems('name = "x"\nitems = [{ id = "a", size = "3" }]')
    assert (found.line, found.what, found.fix) == (2, 'size is "3"', "write a whole number")


def test_a_span_that_is_none_is_explained():
    """`90` is no span of time, `90d` is."""
    (found,) = problems('name = "x"\nwindow = "90 days"')
    assert "90d" in found.what
    assert found.line == 2


def test_items_inside_lists_have_their_own_line():
    """The third pair of a list over many lines is named with its line and place."""
    (found,) = problems('name = "x"\n[[items]]\nid = "a"\npoints = [\n [0, 0],\n [1, 2, 3],\n]')
    assert (found.line, found.what) == (6, "points, item 2 has too many items")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a = ", 1, "not a value"),
        ("a = 1\nb", 2, "without `=`"),
        ("a = 1\na = 2\nb = 3", 2, "given twice"),
        ("\n[x\n", 2, "heading is not closed"),
        ("a = yes", 1, "not a value"),
        ("[x]\n[x]\n", 2, "given twice"),
    ],
)
def test_what_is_not_toml_is_said_in_plain_words(text, line, word):
    """Malformed TOML is one problem with its line."""
    (found,) = problems(text)
    assert found.line == line
    assert word in found.what


def test_a_table_parsed_elsewhere_is_checked_the_same_way():
    """`parse_data` takes a part of a document with the lines of that part."""
    text = "name = 1\n"
    value, (found,) = parse_data(tomllib.loads(text), scan(text), "part.toml", File)
    assert value is None
    assert (found.file, found.line) == ("part.toml", 1)


@dataclass(frozen=True, slots=True)
class ByKey:
    id: str
    key: str
    way: Literal["key"] = "key"


@dataclass(frozen=True, slots=True)
class ByWord:
    id: str
    word: str
    way: Literal["word"] = "word"


@dataclass(frozen=True, slots=True)
class Door:
    entry: ByKey | ByWord


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('way = "key"\nid = "a"\nkye = "b"', ["'key' is missing", "unknown key 'kye'"]),
        ('way = "word"\nid = "a"\nwrod = "b"', ["'word' is missing", "unknown key 'wrod'"]),
        ('idd = "a"\nword = "b"', ["'id' is missing", "unknown key 'idd'"]),
        ('way = "word"\nid = 1\nword = "b"', ["id is 1"]),
    ],
)
def test_a_mistake_in_one_kind_of_table_is_not_measured_by_another(text, found):
    """Of several kinds the one that is meant is checked: by what tells them apart, or by keys."""
    value, problems = parse(f"[entry]\n{text}\n", "f.toml", Door)
    assert value is None
    assert [each.what for each in problems] == found


def test_the_schema_forbids_what_the_parser_forbids():
    """Editors see required keys and refuse unknown ones."""
    schema = json_schema(File)["$defs"]["File"]
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert "from" in schema["properties"]


HARD = '''# comment with [brackets] = 1
"a.b" = 1
c.d.e = [ # comment
  1, # ]
  "],#",
  [2, 3],
  { x = 1, "y" = """
a]}
""", z = [{ q = 1 }] },
]
f = \'\'\'
[not.a.table]
key = 1
\'\'\'
[t]
k = 2026-01-01 07:32:00
[t . "u"]
v = 'C:\\'
[[p]]
n = 1
[p.columns]
id = "I"
[[p]]
[[p.ex]]
r = 1
[[p.ex]]
r = 2
'''


def every(value: Any, path: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in items:
        yield (*path, step)
        if isinstance(inner, dict | list):
            yield from every(inner, (*path, step))


def test_every_value_of_a_document_has_its_line():
    """Strings with brackets, nested lists and dotted headers do not mislead the scanner."""
    lines = scan(HARD)
    assert [path for path in every(tomllib.loads(HARD)) if path not in lines.by_path] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a.b",), 2),
        (("c", "d", "e", 2), 6),
        (("c", "d", "e", 3, "z", 0, "q"), 9),
        (("t", "u", "v"), 18),
        (("p", 0, "columns", "id"), 22),
        (("p", 1, "ex", 1, "r"), 27),
    ],
)
def test_the_line_of_a_value_is_where_its_key_stands(path, line):
    """Spot checks in a document written to be hard."""
    assert scan(HARD).of(path) == line


def test_what_has_no_line_takes_that_of_what_is_around_it():
    """A missing key is reported where its table begins."""
    assert scan(HARD).of(("p", 1, "missing")) == 23
