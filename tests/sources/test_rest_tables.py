"""The tables of docs/sources/rest.md bring what the types of the same name bring."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from connector.config import load
from connector.sandbox.faults import Faults
from connector.sandbox.seed import fill
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.sandbox.surveys import answers
from connector.secrets import Secret
from tests.sources.reading import rows

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sources/rest.md").read_text(encoding="utf-8")
TABLES = {
    name: text
    for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for name in tomllib.loads(text)["sources"]
}
CRM = """\
[crm]
type = "salesforce"
[crm.auth]
flow = "jwt"
client_id = "c"
username = "u"
private_key = "env:KEY"
"""
PAGES = {"zenloop": "100", "trustmary": "1000", "typeform": "1000", "retently": "100",
         "delighted": "100"}  # fmt: skip


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """Answers of all sorts: seeded ones, and those that are odd, begun, or nobody's."""
    store = Store(tmp_path / "s.sqlite")
    fill(store, 120, 4)
    store.put("salesforce_app", {})
    for more in (
        {"score": 11}, {"score": None, "comment": ""}, {"score": 3, "partial": True},
        {"score": 9, "test": True, "account_key": "0015000000AbCdE", "company": "Kunde AG"},
        {"score": 4, "metric": "csat", "labels": ["Preis", "Support"]},
    ):  # fmt: skip
        answers.act(store, {"do": "add", **more})
    with running(store, Faults()) as url:
        yield store, url
    store.close()


def described(
    name: str, keys: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, *, pages: int = 0
) -> Any:
    """The source as the page describes it, read from a configuration, but for its address; and for
    the size of its `pages`, if that is said."""
    text = re.sub(r'^url = ".*"$', f'url = "{keys["url"]}"', TABLES[name], flags=re.MULTILINE)
    if pages:
        text, many = re.subn(r"\b(100|200|1000)\b", str(pages), text)
        assert many
    (folder / "config.toml").write_text(CRM + text, encoding="utf-8")
    (folder / "mappings").symlink_to(ROOT / "mappings")
    (secret,) = re.findall(r'secret = "env:(\w+)"', text)
    monkeypatch.setenv(secret, keys["token"])
    monkeypatch.setenv("KEY", "k")
    return load(folder / "config.toml").sources[name]


def test_the_page_describes_five_platforms() -> None:
    """And none that has no type of its own."""
    assert set(TABLES) == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_table_brings_the_same_rows_as_the_type(name, platform, tmp_path, monkeypatch) -> None:
    """Everything, and what is new since a moment; odd ones by the same rules."""
    store, url = platform
    keys = import_module(f"connector.sandbox.surveys.{name}").credentials(store, url)
    table = described(name, keys, tmp_path, monkeypatch)
    (tmp_path / "token").write_text(keys["token"])
    module = import_module(f"connector.sources.{name}")
    own = module.Source(token=Secret(f"file:{tmp_path / 'token'}"), url=keys["url"])
    assert table.overlap == own.overlap or name == "trustmary"  # which reads everything each time
    since = store.clock.now() - timedelta(days=120)
    for moment in (None, since):
        found, wanted = (rows(each, tmp_path, moment) for each in (table, own))
        assert found == wanted
        assert len(wanted) > 20
    assert {row["odd"] for row in wanted} >= {None, "score_off_scale"}


@pytest.mark.parametrize("name", PAGES)
def test_a_table_goes_through_all_pages(name, platform, tmp_path, monkeypatch) -> None:
    """Of answers, and of the surveys before them: small ones bring what a large one does."""
    store, url = platform
    for number in range(4):
        id = f"more{number}"
        answers.add_survey(store, answers.Survey(id, id, "active", "2026-01-01T00:00:00Z"))
        answers.act(store, {"do": "add", "survey": id, "score": number})
    keys = import_module(f"connector.sandbox.surveys.{name}").credentials(store, url)
    whole = rows(described(name, keys, tmp_path, monkeypatch), tmp_path)
    (tmp_path / "again").mkdir()
    small = described(name, keys, tmp_path / "again", monkeypatch, pages=3)
    assert rows(small, tmp_path) == whole
    assert sum(small.calls().values()) >= len(whole) / 3 > 20 / 3


@pytest.mark.parametrize("name", PAGES)
def test_a_table_lists_what_the_type_lists(name, platform, tmp_path, monkeypatch) -> None:
    """By when it was given: an answer that was deleted is missing, one that changed is not new."""
    store, url = platform
    keys = import_module(f"connector.sandbox.surveys.{name}").credentials(store, url)
    table = described(name, keys, tmp_path, monkeypatch)
    (tmp_path / "token").write_text(keys["token"])
    module = import_module(f"connector.sources.{name}")
    own = module.Source(token=Secret(f"file:{tmp_path / 'token'}"), url=keys["url"])
    since = store.clock.now() - timedelta(days=120)
    found, *_, old = answers.find(store, order="submitted_at desc")
    with store.lock:
        answers.act(store, {"do": "edit", "id": old.id, "comment": "Anders"})
    before = listed(table, tmp_path, since)
    assert before == listed(own, tmp_path, since)
    assert found.id in before
    with store.lock:
        answers.act(store, {"do": "delete", "id": found.id})
    assert before - listed(table, tmp_path, since) == {found.id}


def test_without_a_list_nothing_is_looked_for(platform, tmp_path, monkeypatch) -> None:
    """A pull of what changed is no list of what exists."""
    store, url = platform
    keys = import_module("connector.sandbox.surveys.delighted").credentials(store, url)
    table = described("delighted", keys, tmp_path, monkeypatch)
    table.listed = None
    assert table.ids is None


def listed(source: Any, folder: Path, since: Any) -> set[str]:
    """The ids that a source lists."""

    class Listing:
        """A list of ids, read as a pull is."""

        @staticmethod
        def pull(stream: str, at: Any, into: Path) -> Any:
            return source.ids(stream, at, into)

    return {row["id"] for row in rows(Listing, folder, since)}
