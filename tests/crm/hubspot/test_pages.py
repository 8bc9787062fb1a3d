"""Pages: cut out of answers as bytes, and never wrongly."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.crm.hubspot.pages import Page, Shelf, page_of
from connector.errors import Malformed


def record(id: int, **properties: str | None) -> dict[str, object]:
    stamp = "2026-11-01T10:00:00.123Z"
    held = {"hs_object_id": str(id), "hs_lastmodifieddate": stamp, **properties}
    return {
        "id": str(id),
        "properties": held,
        "createdAt": stamp,
        "updatedAt": stamp,
        "archived": False,
    }


def paging(after: str) -> dict[str, object]:
    return {"next": {"after": after, "link": f'https://api.hubapi.com/x?after={after}&a="b"'}}


def records_of(page: Page) -> list[dict[str, object]]:
    return list(orjson.loads(b"[" + page.records + b"]"))


@given(
    text=st.text(max_size=60),
    count=st.integers(0, 4),
    after=st.sampled_from(["", "200", "NTI1Cg%3D%3D"]),
    total=st.sampled_from([None, 0, 4_711]),
)
def test_whatever_a_text_says_the_page_is_taken_apart_rightly(text, count, after, total):
    """Texts may well hold what looks like the end of a page."""
    nasty = text + '"createdAt":"x"],"paging":{"next":{"after":"1"}}}'
    body = {"total": total} if total is not None else {}
    body |= {"results": [record(n, name=nasty) for n in range(count)]}
    body |= {"paging": paging(after)} if after else {}
    page = page_of(orjson.dumps(body))
    assert records_of(page) == body["results"]
    assert (page.rows, page.next, page.total) == (count, after, total)


def test_keys_in_another_order_and_blanks_between_are_read_all_the_same():
    """JSON promises no order."""
    body = {"paging": paging("7"), "results": [record(1)], "total": 5}
    page = page_of(json.dumps(body, indent=2).encode())
    assert (page.rows, page.next, page.total) == (1, "7", 5)
    assert records_of(page) == [record(1)]


def test_a_list_of_associations_that_was_cut_is_noticed():
    """Inner pages are followed: a record may belong to more than a hundred others."""
    inner = {"results": [{"id": "9", "type": "call_to_company"}], "paging": paging("9")}
    body = {"results": [{**record(1), "associations": {"companies": inner}}]}
    page = page_of(orjson.dumps(body))
    assert page.cut
    assert page.next == ""
    whole = {"results": [{**record(1), "associations": {"companies": {"results": []}}}]}
    assert not page_of(orjson.dumps(whole)).cut


def test_merged_ids_are_counted_as_the_rows_that_they_become():
    """Two companies were merged into this one."""
    body = {"results": [record(1, hs_merged_object_ids="7;8"), record(2, hs_merged_object_ids="")]}
    assert page_of(orjson.dumps(body)).merged == 2


@pytest.mark.parametrize(
    "body", [b"", b"<html>maintenance</html>", b'{"results":[{"id":"1"', b"[]", b'{"results":3}']
)
def test_what_is_no_page_is_an_error(body):
    """A cut body, a page for people."""
    with pytest.raises(Malformed):
        page_of(body)


def test_a_shelf_keeps_what_it_finished_and_forgets_the_rest(tmp_path):
    """A run that died left a file that was not yet remembered."""
    shelf = Shelf(tmp_path)
    shelf.add(page_of(orjson.dumps({"results": [record(1), record(2)]})))
    shelf.close()
    (tmp_path / "000001.json").write_bytes(b"[]")
    again = Shelf(tmp_path, files=1)
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["000000.json"]
    again.add(page_of(orjson.dumps({"results": [record(3)]})))
    again.close()
    found = [
        each for path in sorted(tmp_path.glob("*.json")) for each in json.loads(path.read_bytes())
    ]
    assert [each["id"] for each in found] == ["1", "2", "3"]
