"""Lists go on by number, offset, cursor or address, and always come to an end."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import Malformed
from connector.rest.feed import Feed, records
from connector.rest.paging import Cursor, Link, Numbered, Offset, Single, at, count, nested
from tests.conftest import Answer


def ids(found: Any) -> list[int]:
    return [record["id"] for record in found]


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


def asked(script: Any) -> list[str]:
    return [path for _, path, _ in script.requests]


def test_everything_at_once(line):
    """A body that is the list."""
    made, script = line(rows(1, 2))
    assert ids(records(made, Feed({}, "x", paging=Single()))) == [1, 2]
    assert asked(script) == ["/x"]


def test_pages_by_number_end_at_the_total(line):
    """The platform says how many there are, and gives fewer a page than were asked for."""
    made, script = line(
        {"rows": rows(1, 2), "meta": {"total": 3}}, {"rows": rows(3), "meta": {"total": 3}}
    )
    feed = Feed({}, "x", "rows", {"n": "2"}, paging=Numbered(total="meta.total"))
    assert ids(records(made, feed)) == [1, 2, 3]
    assert asked(script) == ["/x?n=2&page=1", "/x?n=2&page=2"]


def test_pages_by_number_end_at_an_empty_or_a_short_one(line):
    """Platforms that say nothing."""
    made, _ = line(rows(1, 2), rows(3), [])
    assert ids(records(made, Feed({}, "x", paging=Numbered()))) == [1, 2, 3]
    made, script = line(rows(1, 2), rows(3), rows(4))
    assert ids(records(made, Feed({}, "x", paging=Numbered(short=2)))) == [1, 2, 3]
    assert len(script.requests) == 2


def test_the_number_of_a_page_can_be_a_part_of_its_address(line):
    """And totals may be digits in a text."""
    made, script = line({"d": rows(1, 2), "n": "3"}, {"d": rows(3), "n": "3"})
    feed = Feed({}, "x/1", "d", paging=Numbered(path="x/{page}/asc", total="n"), total="n")
    assert ids(records(made, feed)) == [1, 2, 3]
    assert asked(script) == ["/x/1/asc", "/x/2/asc"]


def test_pages_by_offset(line):
    """The next begins where this one ended."""
    made, script = line(rows(1, 2), rows(3))
    assert ids(records(made, Feed({}, "x", paging=Offset(2)))) == [1, 2, 3]
    assert asked(script) == ["/x", "/x?offset=2"]


def test_a_cursor_of_the_body_and_one_of_the_last_record(line):
    """`meta.after`, and the id behind which the next page begins."""
    made, script = line({"d": rows(1), "meta": {"after": "a b"}}, {"d": rows(2), "meta": {}})
    feed = Feed({}, "x", "d", paging=Cursor("after", "meta.after"))
    assert ids(records(made, feed)) == [1, 2]
    assert asked(script) == ["/x", "/x?after=a+b"]
    made, script = line({"d": rows(1, 2), "more": True}, {"d": rows(3), "more": False})
    feed = Feed({}, "x", "d", paging=Cursor("starting_after", "-1.id", more="more"))
    assert ids(records(made, feed)) == [1, 2, 3]
    assert asked(script)[1] == "/x?starting_after=2"


def test_a_cursor_in_the_body_of_a_post(line):
    """A search: what changes stands deep inside."""
    made, script = line({"d": rows(1), "next": "w"}, {"d": []})
    paging = Cursor("pagination.starting_after", "next", in_body=True)
    feed = Feed({}, "x", "d", method="POST", body={"query": 1}, paging=paging)
    assert ids(records(made, feed)) == [1]
    assert [method for method, _, _ in script.requests] == ["POST", "POST"]


def test_the_address_of_the_next_page(line):
    """Relative to a base that ordinary joining would lose, or in the Link header."""
    made, script = line({"d": rows(1), "p": {"next_url": "/y?start=1"}}, {"d": rows(2), "p": {}})
    feed = Feed({}, "v2/y", "d", {"n": "1"}, paging=Link("p.next_url", relative_to="v2"))
    assert ids(records(made, feed)) == [1, 2]
    assert asked(script) == ["/v2/y?n=1", "/v2/y?start=1"]
    made, script = line(rows(1), rows(2))
    script.answers[0].headers["Link"] = (
        f'<{script.url}/x?p=1>; rel="prev", <{script.url}/x?p=2>; rel="next"'
    )
    assert ids(records(made, Feed({}, "x", paging=Link()))) == [1, 2]


def test_a_next_page_on_another_host_is_refused(line):
    """Our token would go there."""
    made, script = line({"d": rows(1), "next": "https://evil.example/x"})
    with pytest.raises(Malformed, match="another host"):
        list(records(made, Feed({}, "x", "d", paging=Link("next"))))
    assert len(script.requests) == 1


def test_a_redirect_is_not_followed(line):
    """Credentials do not follow it."""
    made, _ = line(Answer(302, b"", {"Location": "https://evil.example/"}))
    with pytest.raises(Malformed, match="redirects"):
        list(records(made, Feed({}, "x")))


@pytest.mark.parametrize(
    "paging",
    [Numbered(), Offset(2), Cursor("c", "next"), Link("next")],
    ids=["number", "offset", "cursor", "link"],
)
def test_a_page_that_comes_again_is_an_error(line, paging):
    """And no endless loop."""
    made, _ = line({"d": rows(1, 2), "next": "/x?c=1"})
    with pytest.raises(Malformed, match="came again"):
        list(records(made, Feed({}, "x", "d", paging=paging)))


def test_how_many_there_are():
    """A number or digits; anything else says nothing."""
    told = [count({"n": value}, "n") for value in (3, "3", "many", True, None, [3])]
    assert told == [3, 3, None, None, None, None]


def test_paths_into_bodies():
    """Names and places; what is not there is nothing."""
    body = {"a": {"b": [{"c": 1}, {"c": 2}]}}
    assert at(body, "a.b.0.c") == 1
    assert at(body, "a.b.-1.c") == 2
    assert at(body, "a.b.7.c") is None
    assert at(body, "a.x.y") is None
    assert nested("a.b", 1) == {"a": {"b": 1}}
