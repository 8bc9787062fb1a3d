"""Files of every kind: what they say is read, what is wrong with them is listed by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.errors import ConnectorError, UnsafePlan
from connector.sources.file import Source
from tests.sources.desk import desk, signals, staged

VALUES = ("id", "value", "occurred_at")
TAKEN = [("1", 2.5, "2026-01-31 00:00:00+00"), ("2", 1234.5, "2026-02-01 00:00:00+00")]


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ── kinds of files ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "nr,amount,day\n1,2.5,2026-01-31\n2,1234.5,2026-02-01\n"),
        ("a.csv", 'nr;amount;day\r\n"1";"2,5";31.01.2026\r\n2;1.234,50 €;1.2.2026\r\n'),
        ("a.csv", "sep=|\nnr|amount|day\n1|2.5|2026-01-31\n2|1,234.50|2026-02-01\n"),
        ("a.tsv", "nr\tamount\tday\n1\t2.5\t20260131\n2\t1234.5\t20260201"),
        ("a.csv", "\ufeffNR;Amount;day\n1;2,5;31.01.2026\n2;1234,5;01.02.2026\n"),
        ("a.csv", "nr;amount;day\n1;2,5;31.01.2026\n2;1234,5;01.02.2026\n".encode("utf-16")),
        (
            "a.jsonl",
            '{"nr": 1, "amount": 2.5, "day": "2026-01-31"}\r\n\r\n'
            '{"nr": "2", "amount": "1,234.50", "day": "2026-02-01T00:00:00Z", "more": {"x": 1}}',
        ),
        (
            "a.json",
            '\ufeff[{"nr": 1, "amount": 2.5, "day": "2026-01-31"},\n'
            ' {"nr": 2, "amount": 1234.5, "day": "2026-02-01"}]',
        ),
    ],
    ids=["csv", "german", "sep", "tsv", "mark", "utf-16", "jsonl", "json"],
)
def test_a_file_is_read_as_what_it_is(tmp_path, name, content):
    """By its name and by what is in it; nobody has to say how it is written."""
    found = staged(signals(put(tmp_path / name, content)), *VALUES)
    assert (found.rows, found.odd) == (TAKEN, {})


def test_a_german_spreadsheet_in_its_own_encoding(tmp_path):
    """Umlauts and the euro sign as Windows writes them."""
    text = "Rechnungsnr;Kunde;Betrag (€);Fällig am\nR1;Müller – „Söhne“;1.234,50;03.04.2026\n"
    columns = {
        "id": '"Rechnungsnr"',
        "company": '"Kunde"',
        "value": '"Betrag (€)"',
        "due_at": '"Fällig am"',
    }
    path = put(tmp_path / "a.csv", text.encode("cp1252"))
    found = staged(signals(path, columns=columns, zone="Europe/Berlin"), *columns)
    assert found.rows == [("R1", "Müller – „Söhne“", 1234.5, "2026-04-02 22:00:00+00")]


def test_what_lies_inside_a_record_is_named_by_its_path(tmp_path):
    """In a line of JSON, and in a document whose records lie inside it."""
    record = {"invoice": {"nr": "R1", "sum": {"net": 12.5}}, "tags": ["a", "b"]}
    columns = {"id": "invoice.nr", "value": "invoice.sum.net", "subject": "tags"}
    line = put(tmp_path / "a.ndjson", json.dumps(record))
    whole = put(tmp_path / "a.json", json.dumps({"data": {"items": [record]}}, indent=1))
    for path, more in ((line, {}), (whole, {"records": "data.items"})):
        found = staged(signals(path, columns=columns, **more), *columns)
        assert found.rows == [("R1", 12.5, '["a","b"]')]


def test_a_number_in_json_is_never_vague(tmp_path):
    """1.234 as a number is what it is; as a text it could be a thousand."""
    lines = '{"nr": 1, "amount": 1.234, "day": null}\n{"nr": 2, "amount": "1.234", "day": null}\n'
    found = staged(signals(put(tmp_path / "a.jsonl", lines)), "id", "value")
    assert found.rows == [("1", 1.234)]
    assert found.odd == {"ambiguous_value": (1, ["a.jsonl:2"])}


def test_parquet_is_read_by_column_with_its_types(tmp_path):
    """A field inside a column by its path; a moment without a zone is one of the source's."""
    import duckdb

    with duckdb.connect() as engine:
        engine.execute(
            "COPY (SELECT 7 AS nr, {'net': 1.234::DOUBLE} AS sum, "
            "TIMESTAMP '2026-07-01 10:00' AS day) "
            f"TO '{tmp_path / 'a.parquet'}' (FORMAT parquet)"
        )
    columns = {"id": "nr", "value": "sum.net", "occurred_at": "day"}
    source = signals(tmp_path / "a.parquet", columns=columns, zone="Europe/Berlin")
    source.check()
    assert staged(source, *VALUES).rows == [("7", 1.234, "2026-07-01 08:00:00+00")]
    with pytest.raises(ConnectorError, match=r"a\.parquet has no column 'amount'") as wrong:
        signals(tmp_path / "a.parquet").check()
    assert "nr, sum, day" in wrong.value.hint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"PAR1 no", "a.parquet is no Parquet file"),
        ("a.json", b'{"data": []}', "a.json is no list of records"),
        ("a.json", b'[{"nr": 1}, {"nr"', "a.json cannot be read to its end"),
        ("a.dat", b"nr,amount,day\n", "The name of a.dat does not say what it is"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(tmp_path, name, content, said):
    """In our words; what is in it stays out of them."""
    source = signals(put(tmp_path / name, content))
    with pytest.raises(ConnectorError, match=said):
        staged(source, "id")


def test_a_deep_document_is_no_danger(tmp_path):
    """It is looked into no further than the names that are asked for."""
    deep = "[" * 100_000 + "]" * 100_000
    lines = f'{{"nr": 1, "amount": {deep}, "day": null}}\n{{"nr": 2, "amount": 3, "day": null}}\n'
    found = staged(signals(put(tmp_path / "a.jsonl", lines)), "id", "value")
    assert ("2", 3) in found.rows
    with pytest.raises(ConnectorError, match="is not JSON from line 1"):
        staged(signals(put(tmp_path / "b.json", f'{{"x": {deep}}}'), records="x"), "id")


# ── settings ──────────────────────────────────────────────────────────────────────────────────


def test_the_header_may_stand_further_down(tmp_path):
    """Under a title, as reports have it; lines are still those of the file."""
    path = put(tmp_path / "a.csv", "Report;;\n;;\nnr;amount;day\n1;2,5;\n2;x;\n")
    found = staged(signals(path, header=3), "id", "value")
    assert found.rows == [("1", 2.5), ("2", None)]
    assert found.odd == {"unreadable_value": (1, ["a.csv:5"])}


def test_names_given_twice_or_not_at_all_are_told_apart(tmp_path):
    """By their place."""
    path = put(tmp_path / "a.csv", "nr,amount,amount,\n1,2,3,4\n")
    columns = {"id": "nr", "value": "amount_1", "subject": "column3"}
    assert staged(signals(path, columns=columns), *columns).rows == [("1", 3, "4")]


def test_a_column_tells_how_the_others_are_meant(tmp_path):
    """1.234 alone could be either; a number beside it that can only have a comma says which."""
    columns = {"id": "nr", "value": "amount", "name": "nr"}
    path = put(tmp_path / "a.csv", "nr;amount\n1;1.234\n2;0,5\n3;2.000\n")
    found = staged(signals(path, columns=columns), "id", "value")
    assert found.rows == [("1", 1234), ("2", 0.5), ("3", 2000)]


def test_a_column_that_proves_both_is_read_number_by_number(tmp_path):
    """What could be meant either way is left out."""
    path = put(tmp_path / "a.csv", "nr;amount;day\n1;1,5;\n2;1.5;\n3;1.234;\n")
    found = staged(signals(path), "id", "value")
    assert found.rows == [("1", 1.5), ("2", 1.5)]
    assert found.odd == {"ambiguous_value": (1, ["a.csv:4"])}


@pytest.mark.parametrize(
    ("dates", "taken", "odd"),
    [
        (None, ["1", "4"], {"ambiguous_occurred_at": (2, ["a.csv:3", "a.csv:4"])}),
        ("day-first", ["1", "2", "3", "4"], {}),
    ],
)
def test_a_date_that_could_be_meant_two_ways_is_not_guessed(tmp_path, dates, taken, odd):
    """Not even if its neighbours leave no doubt: the setting says it, or the row stays out."""
    text = "nr,amount,day\n1,1,31/01/2026\n2,1,03/04/2026\n3,1,04/03/2026\n4,1,05/05/2026\n"
    found = staged(signals(put(tmp_path / "a.csv", text), dates=dates), "id")
    assert ([id for (id,) in found.rows], found.odd) == (taken, odd)


# ── bad rows ──────────────────────────────────────────────────────────────────────────────────

BAD = (
    b"nr,amount,day,note\r\n"
    b"1,1,2026-01-01,ok\r\n"
    b"\r\n"
    b'2,1,2026-01-01,"two\r\nlines"\r\n'
    b'3,1,2026-01-01,"Secret"s\r\n'
    b"4,1,2026-01-01,a,b\r\n"
    b"5,1,2026-01-01\r\n"
    b'6,1,2026-01-01,"never closed\r\n'
    b"7,1,2026-01-01,ok\r\n"
    b"8,Geheim,2026-01-01,ok\r\n"
    b",1,2026-01-01,ok\r\n"
    b"9,1,2026"
)


def test_every_bad_row_is_listed_by_its_line_and_costs_no_other(tmp_path):
    """Empty lines and texts of several lines do not shift the numbers."""
    found = staged(signals(put(tmp_path / "a.csv", BAD)), "id", "value")
    assert found.rows == [("1", 1), ("2", 1), ("5", 1), ("7", 1), ("8", None)]
    assert found.odd == {
        "broken_quotes": (2, ["a.csv:6", "a.csv:9"]),
        "too_many_columns": (1, ["a.csv:7"]),
        "without_id": (1, ["a.csv:12"]),
        "row_cut_off": (1, ["a.csv:13"]),
        "unreadable_value": (1, ["a.csv:11"]),
    }


def test_what_a_bad_row_says_is_told_to_nobody(tmp_path):
    """Neither in what is listed nor in what a refusal says."""
    text = "nr,amount,day\n" + "Erika Muster,x,2026-01-01\n" * 12
    with pytest.raises(UnsafePlan) as refused:
        staged(signals(put(tmp_path / "a.csv", text)), "id")
    assert "Erika" not in f"{refused.value} {refused.value.hint} {refused.value.__cause__}"
    assert "12 of 12 values for `value` cannot be read, the first in line 2" in str(refused.value)


def test_a_line_in_another_encoding_is_the_only_one_left_out(tmp_path):
    """The file is UTF-8, and one line of it is not; its umlauts are not made into others."""
    good = "nr,amount,day\n" + "".join(f"Grün {n},1,2026-01-01\n" for n in range(3))
    path = put(tmp_path / "a.csv", good.encode() + "Blaß,1,2026-01-01\n".encode("cp1252"))
    found = staged(signals(path), "id")
    assert found.rows == [("Grün 0",), ("Grün 1",), ("Grün 2",)]
    assert found.odd == {"not_utf_8": (1, ["a.csv:5"])}


def test_lines_that_are_no_records_are_listed(tmp_path):
    """Broken JSON, and JSON that is no object."""
    lines = '{"nr": 1, "amount": 1, "day": null}\n{"nr": 2,\n[3]\n\n{"nr": 4, "amount": "x"}\n'
    found = staged(signals(put(tmp_path / "a.jsonl", lines)), "id", "value")
    assert found.rows == [("1", 1), ("4", None)]
    assert found.odd == {
        "not_json": (1, ["a.jsonl:2"]),
        "not_an_object": (1, ["a.jsonl:3"]),
        "unreadable_value": (1, ["a.jsonl:5"]),
    }


def test_of_rows_with_one_id_the_last_is_taken(tmp_path):
    """Within a file and across files; the others are listed."""
    put(tmp_path / "a.csv", "nr,amount,day\n1,1,\n1,2,\n2,5,\n")
    put(tmp_path / "b.csv", "nr,amount,day\n2,6,\n")
    found = staged(signals(tmp_path / "*.csv"), "id", "value")
    assert found.rows == [("1", 2), ("2", 6)]
    assert found.odd == {"id_twice": (2, ["a.csv:2", "a.csv:4"])}
    assert found.count == 4


@pytest.mark.parametrize(("bad", "refused"), [(9, False), (11, True)])
def test_too_many_bad_rows_stop_the_run(tmp_path, bad, refused):
    """From ten on, and only if they are more than the share; the hint says what to set."""
    text = "nr,amount,day\n" + "".join(f"{n},1,01/02/2026\n" for n in range(bad))
    text += "".join(f"g{n},1,2026-02-01\n" for n in range(20))
    source = signals(put(tmp_path / "a.csv", text))
    if not refused:
        assert staged(source, "id").odd["ambiguous_occurred_at"][0] == bad
        return
    with pytest.raises(UnsafePlan) as stopped:
        staged(source, "id")
    assert "11 of 31 rows cannot be taken, the first in line 2" in stopped.value.message
    assert 'dates = "day-first"' in stopped.value.hint
    source.max_bad = 0.5
    assert staged(source, "id").odd["ambiguous_occurred_at"][0] == bad


def test_empty_rows_at_the_end_of_a_sheet_stop_nothing(tmp_path):
    """They are listed, and are no reason to refuse the others."""
    path = put(tmp_path / "a.csv", "nr;amount;day\n1;1;\n" + ";;\n" * 40)
    found = staged(signals(path), "id")
    assert found.rows == [("1",)]
    assert found.odd["without_id"][0] == 40


# ── taken once ────────────────────────────────────────────────────────────────────────────────

ROWS = "nr,amount,day\n" + "".join(f"{n},{n},2026-01-0{n}\n" for n in range(1, 5))


def test_a_file_is_read_again_only_when_what_is_in_it_has_changed(tmp_path):
    """Not for its date; a row that has gone from it is gone, and comes back."""
    here = desk(tmp_path, "a.csv")
    path = here.put("a.csv", ROWS)
    assert (here.pull().pulled, here.pull().pulled) == (4, 0)
    path.touch()
    assert here.pull().pulled == 0
    here.put("a.csv", ROWS.replace("2,2,2026-01-02\n", "").replace("3,3,", "3,9,"))
    done = here.pull()
    assert (done.pulled, done.new, done.gone) == (3, 2, 1)
    assert here.rows("id", "value") == [("1", 1), ("3", 9), ("4", 4)]
    here.put("a.csv", ROWS)
    assert (here.pull().new, here.pull().pulled) == (2, 0)
    assert here.rows("id", "value") == [("1", 1), ("2", 2), ("3", 3), ("4", 4)]


def test_a_changed_setting_takes_a_file_again(tmp_path):
    """What was left out under the old one."""
    here = desk(tmp_path, "a.csv")
    here.put("a.csv", "nr,amount,day\n1,1,03/04/2026\n")
    here.pull()
    assert here.rows("id") == []
    here.configure(here.source.replace("[sources", 'dates = "day-first"\n[sources', 1))
    here.pull()
    assert here.rows("id", "occurred_at") == [("1", "2026-04-03 00:00:00+00")]


def test_a_copy_under_another_name_is_not_taken_twice(tmp_path):
    """Nor a file that was renamed; a folder's files are news, and nothing goes with one."""
    here = desk(tmp_path, "drop")
    first = here.put("drop/1.csv", ROWS)
    here.put("drop/.hidden.csv", "nothing")
    here.put("drop/2.csv.part", "nr,amo")
    assert here.pull().pulled == 4
    here.put("drop/copy.csv", ROWS)
    first.rename(tmp_path / "drop/renamed.csv")
    assert here.pull().pulled == 0
    here.put("drop/2.csv", "nr,amount,day\n5,5,2026-01-05\n")
    assert (here.pull().pulled, here.odd) == (1, {})
    (tmp_path / "drop/renamed.csv").unlink()
    (tmp_path / "drop/copy.csv").unlink()
    assert here.pull().pulled == 0
    assert len(here.rows("id")) == 5


def test_files_that_hold_everything_lose_what_is_in_none_of_them(tmp_path):
    """A row that moves to another file stays."""
    here = desk(tmp_path, "*.csv", 'holds = "everything"')
    here.put("a.csv", ROWS)
    here.put("b.csv", "nr,amount,day\n5,5,2026-01-05\n")
    assert here.pull().new == 5
    here.put("a.csv", ROWS.replace("1,1,2026-01-01\n", "").replace("4,4,2026-01-04\n", ""))
    here.put("b.csv", "nr,amount,day\n5,5,2026-01-05\n4,4,2026-01-04\n")
    assert here.pull().gone == 1
    assert [id for (id,) in here.rows("id")] == ["2", "3", "4", "5"]


def test_nothing_is_gone_when_too_much_seems_to_be_or_a_row_has_no_name(tmp_path):
    """An export that broke in the middle has deleted nothing; it is told until it is settled."""
    here = desk(tmp_path, "a.csv")
    here.put("a.csv", ROWS)
    here.pull()
    here.put("a.csv", "nr,amount,day\n1,1,2026-01-01\n")
    assert (here.pull().gone, here.odd["vanished_and_kept"][0]) == (0, 3)
    here.put("a.csv", ROWS.replace("4,4,2026", '4,"4"4,2026'))
    assert (here.pull().gone, here.odd["vanished_and_kept"][0]) == (0, 1)
    assert len(here.rows("id")) == 4


class StillWritten(Source):
    """Its files are written to while they are read."""

    def read(self, file, into, *, careful=False):
        table = Source.read(self, file, into, careful=careful)
        with file.open("a") as more:
            more.write("9,9,2026-01-09\n")
        return table


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path):
    """The next run takes it as a whole."""
    here = desk(tmp_path, "a.csv")
    path = here.put("a.csv", ROWS)
    columns = {"id": "nr", "value": "amount", "occurred_at": "day"}
    with pytest.raises(ConnectorError, match=r"a\.csv changed while it was read"):
        here.pull(StillWritten(path=path, stream="signals", columns=columns))
    assert here.rows("id") == []
    assert here.pull().new == 5


def test_a_pattern_that_fits_nothing_is_told(tmp_path):
    """It may be that nothing has come yet; it may be a typing error."""
    here = desk(tmp_path, "drop/*.csv")
    assert (here.pull().pulled, here.odd["no_file"][0]) == (0, 1)


def test_a_zone_that_is_none_is_a_mistake(tmp_path):
    """Told when the configuration is read."""
    with pytest.raises(ValueError, match="there is no zone 'Mars'"):
        Source(path=tmp_path / "a.csv", stream="signals", columns={"id": "nr"}, zone="Mars")
