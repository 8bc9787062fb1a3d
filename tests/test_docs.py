"""The documentation cannot go stale."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from connector.cli.starting import config
from connector.config import load
from connector.shipped import IN_THE_CRM, supported

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
GENERATED: dict[Path, str] = GENERATE["generated"]()
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])


@pytest.mark.parametrize("path", list(GENERATED), ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    """`make schema` would change nothing."""
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run: make schema"


@pytest.mark.parametrize("name", [name for name, _ in GENERATE["pages"]()])
def test_every_command_is_in_the_reference(name: str) -> None:
    """A command that nobody can look up does not exist."""
    assert f"\n## {name}\n" in (DOCS / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(DOCS.glob("schemas/*.json")), ids=lambda path: path.name)
def test_a_schema_leads_to_what_it_names(path: Path) -> None:
    """Every reference inside a schema resolves."""
    text = path.read_text(encoding="utf-8")
    defined = set(json.loads(text)["$defs"])
    assert set(re.findall(r'"#/\$defs/(\w+)"', text)) <= defined


def test_the_example_configuration_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """config.example.toml is complete, but for what only its owner knows."""
    monkeypatch.setenv("ZENLOOP_TOKEN", "t")
    assert load(ROOT / "config.example.toml").crm.name == "salesforce"


def test_the_example_configuration_is_what_init_writes() -> None:
    """There is one text, not two."""
    assert (ROOT / "config.example.toml").read_text(encoding="utf-8") == config("salesforce")


def test_what_the_example_has_commented_out_loads_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file sources work once their `# ` is removed."""
    monkeypatch.setenv("ZENLOOP_TOKEN", "t")
    text = re.sub(
        r"^# ((\[sources\.(invoices|usage)|\w+ = (['\"]|\[\")).*)$", r"\1",
        config("salesforce").partition("# [sources.invoices]")[2], flags=re.MULTILINE,
    )  # fmt: skip
    whole = config("salesforce").partition("# [sources.invoices]")[0] + "[sources.invoices]" + text
    whole = re.sub(r"^(lake|state|org_id) = .*$", "", whole, flags=re.MULTILINE)
    (tmp_path / "config.toml").write_text(whole, encoding="utf-8")
    (tmp_path / "mappings").symlink_to(ROOT / "mappings")
    assert set(load(tmp_path / "config.toml").sources) == {"surveys", "invoices", "usage"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page is a file."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_toml_and_json_on_a_page_are_valid(page: Path) -> None:
    """An example can be copied."""
    read = {"toml": tomllib.loads, "json": json.loads}
    blocks = re.findall(r"```(toml|json)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for kind, text in blocks:
        read[kind](text)


def test_every_page_is_in_the_index() -> None:
    """A page that is not listed is not found."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    lost = [page.name for page in DOCS.glob("*.md") if f"({page.name})" not in index]
    assert lost in ([], ["index.md"])


def test_every_type_of_source_has_a_page_and_is_in_the_list() -> None:
    """What an admin clicks to get a key, and how sure we are, as the code says it."""
    listed = (DOCS / "sources.md").read_text(encoding="utf-8")
    for each in supported():
        streams = ", ".join(sorted(each["streams"], reverse=True))
        assert f"| `{each['type']}` | {streams} | {each['sure']} |" in listed
        page = DOCS / "sources" / f"{each['type']}.md"
        assert page.exists()
        if each["type"] not in {"file", "rest"}:
            text = page.read_text(encoding="utf-8")
            assert f"**How sure:** {each['sure']}" in text
            kind = each["type"] if each not in IN_THE_CRM else each["type"].partition("-")[0]
            assert f'type = "{kind}"' in text
