"""Foreign CSV files in the sandbox: everything arrives, or is told of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.sandbox.load import LoadReport, load
from connector.sandbox.seed import fill
from connector.sandbox.store import Store

DATA = Path(__file__).parents[3] / "shared" / "data"
SPECS = Path(__file__).parents[1] / "load"
SPEC = """
start = "2020-01-01T00:00:00Z"

[[object]]
name = "Site__c"
prefix = "a01"
fields = [{ name = "Name", type = "string" }]

[[field]]
object = "Account"
name = "Kind__c"
type = "picklist"
choices = ["Good", "Bad"]

[[load]]
file = "accounts.csv"
object = "Account"
key = "id"
distinct = ["name"]
[load.fields]
Name = "name"
ParentId = { from = "parent", ref = "Account" }
ARR__c = { from = "arr", decimal = ",", times = 2 }
Renewal_Date__c = { from = "renewal", date = "%m/%d/%Y" }
Kind__c = { from = "kind", map = { g = "Good" } }
Type = { value = "Customer" }
CreatedDate = { from = ["made", "renewal"], date = "%m/%d/%Y" }

[[load]]
file = "deals.csv"
object = "Opportunity"
where = { state = ["won", "lost"] }
[load.fields]
Name = "deal"
StageName = { from = "state", map = { won = "Closed Won" }, default = "Closed Lost" }
AccountId = { from = "account", ref = "Account", expect = true }
IsWon = { from = "state", map = { won = true }, default = false }
Product__c = { from = "product", known = { file = "products.csv", column = "product" } }
CloseDate = { value = "2019-12-31" }

[[derive]]
object = "Account"
field = "AnnualRevenue"
sql = "ARR__c * 10"

[[check]]
rule = "has no parent"
object = "Account"
sql = "select Id from Account where ParentId is null"
"""
ACCOUNTS = """id,name,parent,arr,renewal,kind,made,note
1,Alpha,,"1.000,50",12/31/2019,g,01/31/2018,x
2,Beta,3,viel,31/12/2019,Ugly,,x
3,Gamma,9,5,,Bad,01/01/2021,x
3,Gamma,1,,,,,x
4,Delta
"""
DEALS = """deal,state,account,product
D1,won,1,Box
D2,lost,,Bax
D3,open,1,Box
"""


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Store]:
    """An org without records."""
    store = Store(tmp_path / "s.sqlite")
    fill(store, 0, 0)
    yield store
    store.close()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The specification, beside the files it is about."""
    for name, text in {
        "spec.toml": SPEC,
        "accounts.csv": ACCOUNTS,
        "deals.csv": DEALS,
        "products.csv": "product\nBox\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "spec.toml"


@pytest.fixture
def report(org: Store, spec: Path) -> LoadReport:
    """What the load tells."""
    return load(org, spec.parent, spec)


def accounts(org: Store, *fields: str) -> list[tuple[object, ...]]:
    """Some fields of every account, as loaded."""
    return list(org.db.execute(f"select {', '.join(fields)} from Account order by Id").fetchall())


def places(report: LoadReport, rule: str) -> tuple[str, ...]:
    """Where a rule was broken."""
    (found,) = [each for each in report.oddities if each.rule == rule]
    assert found.count == len(found.ids)
    return found.ids


def test_values_are_read_as_the_specification_says(org: Store, report: LoadReport) -> None:
    """Decimal commas, factors, foreign dates, translated words."""
    first = accounts(org, "Name", "ARR__c", "Renewal_Date__c", "Kind__c", "Type")[0]
    assert first == ("Alpha", 2001.0, "2019-12-31", "Good", "Customer")


def test_a_record_can_refer_to_a_later_row_of_its_own_file(org: Store, report: LoadReport) -> None:
    """The order of the rows does not matter; of two with one key the first is meant."""
    ids = [row[0] for row in accounts(org, "Id")]
    assert accounts(org, "ParentId")[1] == (ids[2],)


def test_a_value_that_cannot_be_read_stays_empty_and_is_told(
    org: Store, report: LoadReport
) -> None:
    """With file, line and the text that was there."""
    assert accounts(org, "ARR__c", "Renewal_Date__c", "Kind__c")[1] == (None, None, None)
    assert places(report, "arr is not a number") == ("accounts.csv:3 (viel)",)
    assert places(report, "renewal is not a date") == ("accounts.csv:3 (31/12/2019)",)
    assert places(report, "kind is not one of the choices") == ("accounts.csv:3 (Ugly)",)


def test_a_reference_to_nobody_stays_empty_and_is_told(org: Store, report: LoadReport) -> None:
    """The row itself is loaded."""
    assert accounts(org, "Name", "ParentId")[2] == ("Gamma", None)
    assert places(report, "parent names no Account") == ("accounts.csv:4 (9)",)


def test_a_reference_that_should_be_there_and_is_empty_is_told(report: LoadReport) -> None:
    """Only where the specification expects one."""
    assert places(report, "account is empty") == ("deals.csv:3",)


@pytest.mark.parametrize("column", ["id", "name"])
def test_what_should_be_there_once_and_repeats_is_told(report: LoadReport, column: str) -> None:
    """Both rows are loaded, the second is named."""
    assert places(report, f"{column} repeats that of an earlier row") == ("accounts.csv:5",)


def test_a_value_missing_from_its_list_is_kept_and_told(org: Store, report: LoadReport) -> None:
    """It may be the list that is wrong."""
    found = org.db.execute("select Product__c from Opportunity order by Id").fetchall()
    assert found == [("Box",), ("Bax",)]
    assert places(report, "product is not in products.csv") == ("deals.csv:3",)


def test_a_row_that_does_not_fit_the_header_is_counted(report: LoadReport) -> None:
    """Nobody can say which cell is which."""
    assert places(report, "the row does not have as many cells as the header") == (
        "accounts.csv:6",
    )
    assert (report.loaded[0].rows, report.loaded[0].loaded, report.loaded[0].left_out) == (5, 4, 1)


def test_rows_left_out_on_purpose_are_counted(org: Store, report: LoadReport) -> None:
    """What was read is what was loaded and what was left out."""
    deals = report.loaded[1]
    assert (deals.rows, deals.loaded, deals.left_out) == (3, 2, 1)
    assert org.db.execute("select StageName, IsWon from Opportunity order by Id").fetchall() == [
        ("Closed Won", 1),
        ("Closed Lost", 0),
    ]


def test_columns_nothing_was_made_of_are_told(report: LoadReport) -> None:
    """Somebody may have forgotten them."""
    assert report.loaded[0].unused == ("note",)


def test_a_moment_after_the_start_of_the_clock_is_told(org: Store, report: LoadReport) -> None:
    """The record was made at the start then: nothing comes out of the future."""
    assert places(report, "CreatedDate lies after the start of the clock") == ("accounts.csv:4",)
    assert accounts(org, "CreatedDate")[2] == ("2020-01-01T00:00:00.000+0000",)


def test_the_clock_starts_where_the_data_ends(org: Store, report: LoadReport) -> None:
    """The specification says when."""
    assert org.clock.now().isoformat().startswith("2020-01-01T00:00")


def test_fields_can_be_worked_out_from_others(org: Store, report: LoadReport) -> None:
    """Once all records are there."""
    assert accounts(org, "AnnualRevenue")[0] == (20010.0,)


def test_a_check_of_ones_own_names_the_rows(report: LoadReport) -> None:
    """The ids a query finds are told as places in the files."""
    assert places(report, "has no parent") == ("accounts.csv:2", "accounts.csv:4")


def test_records_are_those_of_a_person(org: Store, report: LoadReport) -> None:
    """Not of the integration, which looks for changes by others."""
    authors = set(accounts(org, "LastModifiedById", "CreatedById", "OwnerId"))
    assert authors == {("005000000000002AAA",) * 3}


def test_a_file_in_another_encoding_is_read_and_told(org: Store, spec: Path) -> None:
    """Umlauts arrive whole."""
    text = "id,name,parent,arr,renewal,kind,made,note\n1,Müller,,,,,,\n"
    (spec.parent / "accounts.csv").write_bytes(text.encode("cp1252"))
    report = load(org, spec.parent, spec)
    assert accounts(org, "Name") == [("Müller",)]
    assert places(report, "the file is not UTF-8 and was read as Windows-1252")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('Name = "name"', 'Nam = "name"', "Account has no field Nam"),
        ('Name = "name"', 'Name = "nom"', "accounts.csv has no column nom"),
        ('"deals.csv"', '"dales.csv"', "dales.csv: is not there"),
        ('object = "Opportunity"', 'object = "Deal__c"', "there is no object Deal__c"),
        ('ref = "Account" }', 'ref = "Konto" }', "ParentId refers to Konto"),
        ("decimal =", "decimals =", "decimals"),
        ('start = "2020-01-01T00:00:00Z"', "", "start"),
        ("[[object]]", "[[object", "is not TOML"),
    ],
)
def test_a_mistake_in_the_specification_loads_nothing(
    org: Store, spec: Path, before: str, after: str, told: str
) -> None:
    """It is told before anything is written."""
    spec.write_text(SPEC.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load(org, spec.parent, spec)
    assert accounts(org, "Id") == []


def test_a_query_that_does_not_run_takes_everything_back(org: Store, spec: Path) -> None:
    """All or nothing."""
    spec.write_text(SPEC.replace("ARR__c * 10", "ARR__c *"), encoding="utf-8")
    with pytest.raises(ConfigError, match="AnnualRevenue"):
        load(org, spec.parent, spec)
    assert accounts(org, "Id") == []


def test_an_org_that_holds_data_is_left_alone(org: Store, spec: Path) -> None:
    """Two worlds in one org would be neither."""
    load(org, spec.parent, spec)
    with pytest.raises(ConfigError, match="already holds Account"):
        load(org, spec.parent, spec)


Loader = Callable[[str], LoadReport]


@pytest.fixture
def shipped(org: Store) -> Loader:
    """Loads one of the data sets with its own specification."""
    return lambda name: load(org, DATA / name, SPECS / f"{name}.toml")


needs_data = pytest.mark.skipif(
    not DATA.is_dir() and not os.environ.get("CI"),
    reason="the data sets lie beside the checkout, and are not there",
)


@pytest.mark.shared
@needs_data
def test_the_sales_opportunities_arrive_with_their_oddities(shipped: Loader) -> None:
    """The quirks that are known of the data set are found, in the numbers known."""
    report = shipped("crm_sales_opportunities")
    odd = {each.rule: each.count for each in report.oddities}
    assert report.count("Account") == 85
    assert report.count("Opportunity") == 8800
    assert odd == {"account is empty": 1425, "product is not in products.csv": 1480}


@pytest.mark.shared
@needs_data
def test_ravenstack_arrives_with_its_oddities(org: Store, shipped: Loader) -> None:
    """The quirks that are known of the data set are found, in the numbers known."""
    report = shipped("ravenstack")
    odd = {each.rule: each.count for each in report.oddities}
    assert report.count("Usage__c") == 25_000
    assert odd["usage_id repeats that of an earlier row"] == 21
    assert odd["usage lies before its subscription starts"] == 19_142
    assert odd["usage lies after its subscription ended"] == 290
    assert odd["the ticket is older than its account"] == 1_077
    orphans = "select count(*) from Usage__c where Account__c is null"
    assert org.db.execute(orphans).fetchone() == (0,)
