"""Files: taken once, by column; a bad row is listed by line and costs nobody else."""

from __future__ import annotations

import pytest

from connector.errors import ConnectorError
from connector.sources.file import Source
from tests.world import world

COLUMNS = {"id": "nr", "value": "amount"}


def make(path, **settings) -> Source:
    return Source(path=path, stream="signals", columns=COLUMNS, **settings)


def test_a_missing_file_says_which(tmp_path):
    """And that its path is relative to the configuration."""
    with pytest.raises(ConnectorError, match=r"none\.csv") as missing:
        make(tmp_path / "none.csv").check()
    assert "relative" in missing.value.hint


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "a.csv is empty", "export"),
        ("nr,betrag\n1,2\n", "a.csv has no column 'amount', which `value`", "It has nr, betrag"),
        ("nr:amount\n1:2\n", "a.csv has no column 'nr', which `id`", "`delimiter`"),
    ],
)
def test_a_header_that_does_not_fit_says_what_it_has(tmp_path, text, said, hint):
    """Empty, renamed, or another delimiter."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ConnectorError) as wrong:
        make(path).check()
    assert said in wrong.value.message
    assert hint in wrong.value.hint


def test_a_file_in_another_encoding_says_so(tmp_path):
    """Not a decoding error."""
    path = tmp_path / "a.csv"
    path.write_bytes("nr,betrag,Währung\n".encode("latin-1"))
    with pytest.raises(ConnectorError, match=r"a\.csv cannot be read as utf-8"):
        make(path, encoding="utf-8").check()


def test_a_header_with_a_mark_and_other_capitals_fits(tmp_path):
    """Spreadsheets put a byte-order mark first; SQL does not tell capitals apart."""
    path = tmp_path / "a.csv"
    path.write_text('\ufeff"NR",Amount\n', encoding="utf-8")
    make(path).check()


@pytest.fixture
def here(tmp_path):
    with world(tmp_path, accounts=20) as made:
        made.ready()
        yield made


def test_a_file_is_taken_once(here):
    """The second run pulls nothing from it."""
    assert here.sync().streams["signals"]["pulled"] > 0
    assert here.sync().streams["signals"]["pulled"] == 0


def test_german_numbers_and_dates_and_bad_rows(here):
    """`1.234,50`, `31.01.2026`; what cannot be read is listed by line, the rest is taken."""
    number = next(iter(here.held("Customer_Number__c").values()))["Customer_Number__c"]
    (here.folder / "invoices.csv").write_text(
        "\ufeffRechnungsnr;Kundennr;Betrag;Währung;Rechnungsdatum;Fällig am;Bezahlt am\n"
        f"R1;{number};1.234,50;EUR;31.01.2026;28.02.2026;\n"
        f"R2;{number};viel;EUR;31.01.2026;28.02.2026;\n"
        f"R3;{number};10,00;EUR;31.02.2026;28.02.2026;\n"
        ";;;;;;\n"
        f"R1;{number};1.234,50;EUR;31.01.2026;28.02.2026;01.03.2026\n",
        encoding="utf-8",
    )
    done = here.sync()
    odd = {o["rule"]: (o["count"], o["ids"]) for o in done.odd if o["rule"].startswith("inv")}
    assert odd["invoices_without_value"] == (2, ["invoices.csv:3", "invoices.csv:5"])
    assert odd["invoices_without_occurred_at"] == (2, ["invoices.csv:4", "invoices.csv:5"])
    assert odd["invoices_id_twice"] == (1, ["invoices.csv:2"])
    from connector.engines.duckdb import DuckDB
    from connector.records import STREAMS

    engine = DuckDB(scratch=here.folder / "spill")
    app = here.app()
    newest = app.lake.newest("signals", engine, STREAMS["signals"].all_columns, ("source", "id"))
    where = "WHERE kind = 'invoice' AND id = 'R1'"
    sql = f"SELECT value, CAST(occurred_at AS VARCHAR) FROM ({newest}) {where}"
    assert engine.rows(sql) == [(1234.5, "2026-01-31 00:00:00+00")]
    engine.close()
