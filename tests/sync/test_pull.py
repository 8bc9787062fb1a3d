"""Pull: what goes out of sight goes out of the score; what cannot be read is said, not lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.engines.duckdb import DuckDB
from connector.errors import ConfigError, ConnectorError, UnsafePlan
from connector.sync.pull import columns_of
from tests.world import ROOT, World, world

ACCOUNTS = 'stream = "accounts"\nobject = "Account"\n'


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """Twenty accounts and a mapping of our own."""
    with world(tmp_path) as made:
        shutil.copytree(ROOT / "mappings", made.folder / "mappings")
        replace(made.config, str(ROOT / "mappings"), "mappings")
        made.ready()
        yield made


def replace(path: Path, old: str, new: str) -> None:
    """Change a file as a person would; it must say `old`."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def rows(here: World, stream: str, what: str) -> list[tuple[object, ...]]:
    """Ask the newest records of a stream."""
    app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
    newest = app.lake.newest(stream, engine, columns_of(app, stream), ("source", "id"))
    found = engine.rows(f"SELECT {what} FROM ({newest})")
    engine.close()
    return found


def odd(done: object) -> dict[str, tuple[int, list[str]]]:
    """A receipt's oddities by rule."""
    return {each["rule"]: (each["count"], each["ids"]) for each in done.odd}  # type: ignore[attr-defined]


# ── what did not come back ────────────────────────────────────────────────────────────────────


def test_a_narrower_filter_takes_accounts_out_of_score_and_plan(here):
    """They get a tombstone; what the CRM holds for them is left as it is."""
    here.sync()
    deleted = "CAST(count(*) FILTER (WHERE deleted) AS INTEGER)"
    ((before,),) = rows(here, "accounts", deleted)
    out = sorted(here.held())[0]
    here.person(out, values={"CSM_Sentiment__c": 1, "CSM_Sentiment_Date__c": "2026-11-02"})
    written = len(here.writes())
    mapping = here.folder / "mappings" / "salesforce.toml"
    replace(mapping, ACCOUNTS, f"{ACCOUNTS}where = \"Id != '{out}'\"\n")
    done = here.sync()
    assert done.accounts == 19
    assert out not in {row["id"] for row in here.writes()[written:]}
    assert rows(here, "accounts", f"{deleted} - {before}") == [(1,)]
    assert here.sync().accounts == 19


def test_a_wider_filter_brings_an_unchanged_account_back(here):
    """It wins over its own tombstone, although nobody has touched it."""
    here.sync()
    out = sorted(here.held())[0]
    mapping = here.folder / "mappings" / "salesforce.toml"
    narrow = f"{ACCOUNTS}where = \"Id != '{out}'\"\n"
    replace(mapping, ACCOUNTS, narrow)
    assert here.sync().accounts == 19
    replace(mapping, narrow, ACCOUNTS)
    assert here.sync().accounts == 20


def test_a_stream_that_all_but_vanishes_is_a_fault(here):
    """Contacts gone by the hundred are lost access, not news."""
    here.sync()
    mapping = here.folder / "mappings" / "salesforce.toml"
    contacts = 'stream = "contacts"\nobject = "Contact"\n'
    replace(mapping, contacts, f"{contacts}where = \"Email = 'nobody@nowhere.example'\"\n")
    with pytest.raises(UnsafePlan, match="Contact: 0 records came back"):
        here.sync()


# ── sources that come and go ──────────────────────────────────────────────────────────────────


def test_a_renamed_source_is_not_counted_twice(here):
    """What was told under the old name stays in the lake and is not looked at."""
    links = here.sync().links
    replace(here.config, "[sources.usage", "[sources.telemetry")
    assert here.sync().links == links


def test_a_removed_source_no_longer_counts(here):
    """Without its table in the configuration its records are not scored."""
    with_usage = here.sync().links
    text = here.config.read_text()
    start, end = text.index("[sources.usage]"), text.index("[files]")
    here.config.write_text(text[:start] + text[end:])
    assert sum(here.sync().links.values()) < sum(with_usage.values())


def test_a_changed_setting_of_a_survey_source_reads_every_answer_again(here):
    """Which surveys follow an event is decided when an answer is read."""
    here.sync()
    kinds = "count(DISTINCT kind)"
    assert rows(here, "responses", kinds) == [(2,)]
    replace(here.config, 'transactional = ["After-support transactional"]\n', "")
    assert here.sync().streams["responses"]["new"] > 0
    assert rows(here, "responses", kinds) == [(1,)]


def test_an_answer_without_a_moment_stays_out_and_is_named(here):
    """One bad answer is counted; the others arrive."""
    here.control("answers", {"do": "add", "id": "bad-1", "score": 9, "submitted_at": "2026-13-45T"})
    here.control("answers", {"do": "add", "id": "bad-2", "score": 11})
    told = odd(here.sync())
    assert told["zenloop_without_submitted_at"] == (1, ["bad-1"])
    assert "bad-2" in told["zenloop_score_off_scale"][1]
    assert rows(here, "responses", "count(*) > 0, count(*) FILTER (WHERE id LIKE 'bad-%')") == [
        (True, 0)
    ]


def test_an_answer_that_was_deleted_is_found_by_comparing_ids(here):
    """Once in a while; it is kept and marked, and counts no more. One that is back counts again."""
    here.control("answers", {"do": "add", "id": "gone-1", "score": 9})
    old = {"submitted_at": "2025-12-24T10:00:00.000000Z"}
    here.control("answers", {"do": "add", "id": "old-1", "score": 9, **old})
    here.advance("1h")
    here.sync()
    here.control("answers", {"do": "delete", "id": "gone-1"})
    assert (here.sync().streams["responses"]["new"], marked(here)) == (0, [(False,)])
    here.advance("8d")
    here.sync()
    assert marked(here) == [(True,)]
    # What is older than the list goes back is not on it, and has not gone for that.
    assert rows(here, "responses", "bool_or(deleted) FILTER (WHERE id = 'old-1')") == [(False,)]
    here.control("answers", {"do": "edit", "id": "gone-1", "deleted": False, "quietly": True})
    here.sync()
    assert marked(here) == [(False,)]


def marked(here: World) -> list[tuple[object, ...]]:
    """Whether the lake takes the answer for deleted."""
    return rows(here, "responses", "bool_or(deleted) FILTER (WHERE id = 'gone-1')")


def test_answers_that_all_seem_to_be_gone_are_kept_and_told(here):
    """A token that sees nothing any more has deleted nothing."""
    here.sync()
    here.advance("8d")
    here.store.db.execute("update answers set deleted = 1")
    said = odd(here.sync())["zenloop_vanished_and_kept"]
    assert said[0] > 3
    assert rows(here, "responses", "count(*) FILTER (WHERE deleted)") == [(0,)]


# ── files ─────────────────────────────────────────────────────────────────────────────────────

HEADER = "Rechnungsnr;Kundennr;Betrag;Währung;Rechnungsdatum;Fällig am;Bezahlt am\n"


def invoices(here: World, paid: list[str]) -> None:
    """An export with one invoice for each of these dates of payment."""
    lines = [f"R{n};K1;10,00;EUR;31.01.2026;28.02.2026;{at}\n" for n, at in enumerate(paid)]
    (here.folder / "invoices.csv").write_text(HEADER + "".join(lines), encoding="utf-8")


def test_a_few_values_that_cannot_be_read_are_listed_by_line(here):
    """The row is taken, and the person told where to look."""
    invoices(here, ["01.03.2026"] * 11 + ["", "soon"])
    assert odd(here.sync())["invoices_unreadable_settled_at"] == (1, ["invoices.csv:14"])


def test_a_switched_date_format_refuses_the_run(here):
    """Paid invoices would look unpaid; line and column are named, the value is not."""
    invoices(here, ["01.03.2026", "", *["2026-03-01"] * 12])
    with pytest.raises(UnsafePlan) as refused:
        here.sync()
    assert refused.value.message == (
        "invoices.csv: 12 of 13 values for `settled_at` cannot be read, the first in line 4."
    )
    assert "[sources.invoices.columns] settled_at" in refused.value.hint


def test_a_null_that_is_meant_refuses_nothing(here):
    """A CASE that leaves values out is counted and goes on."""
    old = """settled_at = '''try_strptime("Bezahlt am", '%d.%m.%Y')'''"""
    new = (
        """settled_at = '''case when "Bezahlt am" <> 'offen' """
        """then try_strptime("Bezahlt am", '%d.%m.%Y') end'''"""
    )
    replace(here.config, old, new)
    invoices(here, ["offen"] * 12)
    assert odd(here.sync())["invoices_unreadable_settled_at"][0] == 12


def test_a_file_with_other_columns_is_refused_before_it_is_read(here):
    """In our words, not those of the engine."""
    (here.folder / "usage.csv").write_text("account;date;feature;events\n")
    with pytest.raises(ConnectorError, match=r"usage\.csv has no column 'account_id'"):
        here.sync()


# ── aliases ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "key,account\na,b\n"])
def test_an_alias_file_without_its_columns_is_a_mistake_of_the_configuration(here, text):
    """Exit 2, and what its first line must be."""
    (here.folder / "aliases.csv").write_text(text)
    with pytest.raises(ConfigError, match=r"aliases\.csv has no columns") as wrong:
        here.sync()
    assert "key,account_id" in wrong.value.hint


def test_an_alias_to_an_account_that_is_not_there_is_counted(here):
    """A typing error in an id is no alias; what is right or not decided yet is not mentioned."""
    right = sorted(here.held())[0]
    (here.folder / "aliases.csv").write_text(
        f"key,account_id\nkunde.example,001000000000XYZ\nandere.example,{right}\noffen.example,\n"
    )
    assert odd(here.sync())["alias_to_unknown_account"] == (1, ["001000000000XYZ"])
