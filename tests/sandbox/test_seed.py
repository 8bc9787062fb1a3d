"""The seeded world: whole, repeatable, and true to the fate of each account."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.sandbox.files import EXPORTS, lines
from connector.sandbox.seed import fill
from connector.sandbox.seed_schema import OBJECTS
from connector.sandbox.seed_text import COMMENTS, labels_of
from connector.sandbox.store import Store

ACCOUNTS = 600
START = "2026-11-02T08:00:00.000+0000"
YEAR_AGO = "2025-11-02"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A world of six hundred accounts, read by every test here."""
    store = Store(tmp_path_factory.mktemp("world") / "s.sqlite")
    fill(store, ACCOUNTS, 7)
    yield store
    store.close()


def rows(store: Store, sql: str) -> list[tuple[object, ...]]:
    """What a query finds."""
    return list(store.db.execute(sql).fetchall())


def number(store: Store, sql: str) -> float:
    """The one number a query finds."""
    return float(store.db.execute(sql).fetchone()[0] or 0)


def dump(path: Path, seed: int) -> dict[str, list[tuple[object, ...]]]:
    """Every record of a small world."""
    store = Store(path)
    fill(store, 60, seed)
    tables = [*OBJECTS, "answers", "file_invoices", "file_usage"]
    found = {name: rows(store, f'select * from "{name}"') for name in tables}
    store.close()
    return found


def test_a_seed_always_gives_the_same_world(tmp_path: Path) -> None:
    """Two orgs filled with one seed hold the same records, ids and stamps included."""
    first, second = dump(tmp_path / "1", 3), dump(tmp_path / "2", 3)
    assert first == second


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    """The seed is what decides."""
    assert dump(tmp_path / "1", 3)["Account"] != dump(tmp_path / "2", 4)["Account"]


def test_there_are_as_many_accounts_as_asked_for(world: Store) -> None:
    """Deleted ones do not count."""
    assert number(world, "select count(*) from Account where IsDeleted = 0") == ACCOUNTS


def test_no_accounts_is_an_org_with_objects_and_no_records(tmp_path: Path) -> None:
    """Data of somebody else's can be loaded into it."""
    store = Store(tmp_path / "s.sqlite")
    fill(store, 0, 0)
    counts = [number(store, f'select count(*) from "{name}"') for name in OBJECTS]
    store.close()
    assert set(counts) == {0}


def test_account_managers_grow_with_the_accounts(world: Store) -> None:
    """Twelve, and one more for each forty accounts."""
    assert number(world, "select count(*) from User") == 12 + ACCOUNTS // 40


@pytest.mark.parametrize("name", list(OBJECTS))
def test_nothing_was_made_or_changed_after_the_clock_started(world: Store, name: str) -> None:
    """Plans lie in the future, stamps never do."""
    late = f'select count(*) from "{name}" where max(CreatedDate, SystemModstamp) > "{START}"'
    assert number(world, late) == 0


@pytest.mark.parametrize("name", list(OBJECTS))
def test_nothing_was_changed_before_it_was_made(world: Store, name: str) -> None:
    """The modification stamp is never older than the creation date."""
    assert number(world, f'select count(*) from "{name}" where SystemModstamp < CreatedDate') == 0


@pytest.mark.parametrize(
    ("name", "field", "target"),
    [
        (name, field.name, target)
        for name, kind in OBJECTS.items()
        for field in kind.fields
        for target in field.refers
        if len(field.refers) == 1
    ],
)
def test_every_reference_leads_somewhere(world: Store, name: str, field: str, target: str) -> None:
    """There is no id in the world that nobody has."""
    dangling = (
        f'select count(*) from "{name}" where {field} is not null'
        f' and {field} not in (select Id from "{target}")'
    )
    assert number(world, dangling) == 0


def test_an_activity_on_a_case_has_the_account_of_its_contact(world: Store) -> None:
    """As Salesforce computes it: no contact, no account."""
    found = rows(
        world,
        "select WhoId is null, AccountId is null, count(*) from Task"
        " where WhatId like '500%' group by 1, 2 order by 1",
    )
    assert [pair[:2] for pair in found] == [(0, 0), (1, 1)]


def test_every_message_belongs_to_a_mail_task(world: Store) -> None:
    """A logged mail is there twice, joined by its activity."""
    kinds = rows(
        world,
        "select distinct t.TaskSubtype from EmailMessage m join Task t on t.Id = m.ActivityId",
    )
    assert kinds == [("Email",)]


def test_mail_goes_both_ways(world: Store) -> None:
    """A reply rate can be worked out."""
    share = number(world, "select avg(Incoming) from EmailMessage")
    assert 0.3 < share < 0.6


def test_closed_tasks_are_archived_after_a_year(world: Store) -> None:
    """A query hides them, as in a real org."""
    wrong = (
        "select count(*) from Task where IsArchived <>"
        f" (IsClosed = 1 and substr(CreatedDate, 1, 10) < '{YEAR_AGO}')"
    )
    assert number(world, wrong) == 0


def test_copies_of_a_meeting_start_with_it(world: Store) -> None:
    """Each copy has one original at the same time about the same record."""
    originals = rows(
        world,
        "select distinct (select count(*) from Event o where o.IsChild = 0"
        " and o.StartDateTime = c.StartDateTime and o.WhatId = c.WhatId)"
        " from Event c where c.IsChild = 1",
    )
    assert originals == [(1,)]


@pytest.mark.parametrize("name", ["Task", "Event"])
def test_there_are_templates_of_series(world: Store, name: str) -> None:
    """Rows that are no activity wait to be counted by mistake."""
    assert number(world, f'select sum(IsRecurrence) from "{name}"') > 0


def test_weekends_and_august_are_quiet(world: Store) -> None:
    """Activities follow the working week and the holidays."""
    weekend = number(
        world,
        "select avg(strftime('%w', ActivityDate) in ('0', '6')) from Task"
        " where TaskSubtype <> 'Task'",
    )
    august, july = (
        number(world, f"select count(*) from Task where CreatedDate like '2026-0{month}%'")
        for month in (8, 7)
    )
    assert weekend < 0.05
    assert august < 0.7 * july


def test_an_account_has_some_ten_activities(world: Store) -> None:
    """Tasks and meetings in eighteen months, on average."""
    activities = number(world, "select (select count(*) from Task) + (select count(*) from Event)")
    assert 7 < activities / ACCOUNTS < 14


def test_some_accounts_are_silent(world: Store) -> None:
    """Nothing happened, nobody answered: unknown, not bad."""
    silent = number(
        world,
        "select count(*) from Account a where Type = 'Customer' and LastActivityDate is null"
        " and not exists (select 1 from Task t where t.AccountId = a.Id)",
    )
    assert silent > 0.03 * ACCOUNTS


def test_those_who_left_were_detractors_before(world: Store) -> None:
    """A score has something to find."""
    scores = dict(
        rows(
            world,
            "select a.Type, avg(z.score) from answers z join Contact c"
            " on c.Id = z.contact_key join Account a on a.Id = c.AccountId"
            " where z.score between 0 and 10 group by 1",
        )
    )
    assert float(str(scores["Former Customer"])) < float(str(scores["Customer"])) - 2


def test_those_who_left_let_their_renewal_pass(world: Store) -> None:
    """The renewal date of a former customer lies in the past, of a customer ahead."""
    past = dict(
        rows(
            world,
            "select Type, avg(Renewal_Date__c <= '2026-11-02') from Account"
            " where Renewal_Date__c is not null group by 1",
        )
    )
    assert past == {"Customer": 0.0, "Former Customer": 1.0}


def test_a_few_customers_are_worth_a_million(world: Store) -> None:
    """Revenue has a heavy tail."""
    assert 1 <= number(world, "select count(*) from Account where ARR__c > 1e6") < 20


def test_a_merged_account_is_deleted_and_points_to_the_winner(world: Store) -> None:
    """The loser carries the winner's id."""
    pairs = rows(
        world,
        "select l.IsDeleted, w.IsDeleted from Account l join Account w on w.Id = l.MasterRecordId",
    )
    assert pairs == [(1, 0)]


def test_the_fields_of_the_connector_are_not_there(world: Store) -> None:
    """It makes its own."""
    assert not [name for name in world.fields("Account") if name.startswith("Health")]


def test_the_age_of_a_contract_follows_the_clock(tmp_path: Path) -> None:
    """A formula moves without anybody writing the record."""
    store = Store(tmp_path / "s.sqlite")
    fill(store, 5, 1)
    sql = f"select Contract_Age__c from {store.source('Account')} order by Id limit 1"
    before = number(store, sql)
    store.clock.advance(timedelta(days=730))
    after = number(store, sql)
    store.close()
    assert after - before == pytest.approx(2, abs=0.11)


def test_the_world_moves_with_the_start_of_the_clock(tmp_path: Path) -> None:
    """A clock that starts elsewhere has its history just before that."""
    store = Store(tmp_path / "s.sqlite")
    store.clock.set(datetime(2024, 3, 1, 12, 30, tzinfo=UTC))
    fill(store, 60, 1)
    (last,) = rows(store, "select max(SystemModstamp) from Task")[0]
    store.close()
    assert "2024-02-20" < str(last) < "2024-03-01T12:31"


def test_invoices_are_written_as_german_bookkeeping_does(world: Store) -> None:
    """Byte-order mark, semicolons, decimal commas, days first."""
    raw = b"".join(lines(world, EXPORTS["invoices.csv"]))
    header, first = raw.decode("utf-8-sig").splitlines()[:2]
    assert raw.startswith(b"\xef\xbb\xbf")
    assert header == "Rechnungsnr;Kundennr;Betrag;Währung;Rechnungsdatum;Fällig am;Bezahlt am"
    assert first.split(";")[2][-3] == ","


@pytest.mark.parametrize("file", list(EXPORTS))
def test_a_file_holds_every_row(world: Store, file: str) -> None:
    """Streaming in pieces loses nothing."""
    export = EXPORTS[file]
    text = b"".join(lines(world, export)).decode(export.encoding)
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter=export.delimiter))
    assert len(found) - 1 == number(world, f"select count(*) from {export.table}") > 0
    assert {len(row) for row in found} == {len(export.columns)}


def test_some_rows_of_the_files_are_broken(world: Store) -> None:
    """Real exports have days that do not exist, and customers that do not."""
    invoices = "select count(*) from file_invoices"
    assert number(world, f"{invoices} where \"Rechnungsdatum\" = '31.02.2026'") > 0
    assert number(world, f"{invoices} where Kundennr = 'K-999999'") > 0
    assert number(world, "select count(*) from file_usage where events = 'n/a'") > 0


def test_comments_are_many_and_all_different() -> None:
    """At least sixty in each language."""
    for language in ("de", "en"):
        comments = [
            text
            for theme in COMMENTS[language].values()
            for mood in theme.values()
            for text in mood
        ]
        assert len(set(comments)) == len(comments) >= 60


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_text_analysis_finds_the_theme_of_most_comments(language: str) -> None:
    """It misses some, as real ones do."""
    hits = [
        theme in labels_of(text, language)
        for theme, moods in COMMENTS[language].items()
        for texts in moods.values()
        for text in texts
    ]
    assert 0.6 < sum(hits) / len(hits) < 1
