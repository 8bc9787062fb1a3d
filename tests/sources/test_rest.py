"""A described API: every way in and every way on, as the configuration writes them."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from pydantic import TypeAdapter

from connector.errors import AuthError, ConnectorError, Malformed
from connector.rest.paging import Cursor, Link, Numbered, Offset, Single
from connector.sources.rest import Pages, Source
from tests.conftest import Answer

SECRET = "ganz-geheim"
TOKEN = Answer(body=b'{"access_token": "t1", "expires_in": 3600}')
COLUMNS = {"id": "id", "submitted_at": "at"}


def described(url: str, folder: Path, auth: dict[str, Any], **more: Any) -> Source:
    """A source as a table of the configuration makes it."""
    (folder / "secret").write_text(SECRET)
    told = {name: f"file:{folder / 'secret'}" if value == "SECRET" else value
            for name, value in auth.items()}  # fmt: skip
    table = {"url": url, "auth": told, "stream": "responses", "path": "list", "columns": COLUMNS}
    return TypeAdapter(Source).validate_python({**table, **more})


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer"}, "Authorization", f"Bearer {SECRET}"),
        ({"kind": "bearer", "how": "Token token={}"}, "Authorization", f"Token token={SECRET}"),
        ({"kind": "header", "name": "X-Key"}, "X-Key", SECRET),
    ],
)
def test_a_secret_in_a_header(scripted, tmp_path, auth, header, value):
    """In Authorization, after whatever word, or in a header of its own."""
    script = scripted(Answer(body=b"[]"))
    described(script.url, tmp_path, {**auth, "secret": "SECRET"}).check()
    _, path, headers = script.requests[0]
    assert headers[header] == value
    assert path == "/list"


@pytest.mark.parametrize(
    ("auth", "pair"),
    [
        ({"user": "admin"}, f"admin:{SECRET}"),
        ({"secret_first": True}, f"{SECRET}:"),
    ],
)
def test_a_user_and_a_secret(scripted, tmp_path, auth, pair):
    """HTTP Basic; many keys are the user's name."""
    script = scripted(Answer(body=b"[]"))
    described(script.url, tmp_path, {"kind": "basic", "secret": "SECRET", **auth}).check()
    kind, _, said = script.requests[0][2]["Authorization"].partition(" ")
    assert (kind, b64decode(said).decode()) == ("Basic", pair)


def test_a_secret_in_the_address_is_in_no_message(scripted, tmp_path):
    """It goes with every page, and nowhere else."""
    auth = {"kind": "query", "name": "api_key", "secret": "SECRET"}
    script = scripted(Answer(body=b"[]"))
    described(script.url, tmp_path, auth, query={"n": "5"}).check()
    asked = parse_qs(urlsplit(script.requests[0][1]).query)
    assert asked == {"n": ["5"], "api_key": [SECRET]}
    for answer in (Answer(401), Answer(403), Answer(404), Answer(302), Answer(500), Answer(cut=0)):
        made = described(scripted(answer).url, tmp_path, auth)
        with pytest.raises(ConnectorError) as refused:
            made.check()
        told = f"{refused.value} {refused.value.hint} {refused.value!r} {made!r}"
        assert SECRET not in told


@pytest.mark.parametrize("basic", [False, True])
def test_a_client_that_fetches_a_token_elsewhere(scripted, tmp_path, basic):
    """From its own host; the API's sees the token alone."""
    tokens, api = scripted(TOKEN), scripted(Answer(body=b"[]"))
    auth = {
        "kind": "client_credentials", "client_id": "c", "client_secret": "SECRET",
        "token_path": "oauth/token", "token_host": tokens.url, "basic": basic,
    }  # fmt: skip
    described(api.url, tmp_path, auth).check()
    assert [(method, path) for method, path, _ in tokens.requests] == [("POST", "/oauth/token")]
    said = tokens.requests[0][2].get("Authorization", "").removeprefix("Basic ")
    assert (b64decode(said).decode() == f"c:{SECRET}") == basic
    assert [headers["Authorization"] for _, _, headers in api.requests] == ["Bearer t1"]


def test_a_client_that_is_refused_is_told(scripted, tmp_path):
    """Without its secret."""
    auth = {"kind": "client_credentials", "client_id": "c", "client_secret": "SECRET",
            "token_path": "t"}  # fmt: skip
    made = described(scripted(Answer(401)).url, tmp_path, auth)
    with pytest.raises(AuthError, match="refuses the client c") as refused:
        made.check()
    assert SECRET not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    ("table", "paging"),
    [
        ({}, Single()),
        ({"kind": "number"}, Numbered("page", 1)),
        (
            {"kind": "number", "param": "p", "first": 0, "total": "t", "last": "l", "short": 9,
             "path": "x/{page}"},
            Numbered("p", 0, "t", "l", 9, "x/{page}"),
        ),
        ({"kind": "offset"}, Offset(100, "offset")),
        ({"kind": "offset", "size": 50, "param": "start"}, Offset(50, "start")),
        (
            {"kind": "cursor", "param": "c", "at": "next", "more": "m", "until_empty": True,
             "in_body": True},
            Cursor("c", "next", "m", True, True),
        ),
        ({"kind": "link"}, Link()),
        ({"kind": "link", "at": "n", "relative_to": "v2", "more": "m"}, Link("n", "v2", "m")),
    ],
)  # fmt: skip
def test_every_way_on_is_the_one_that_is_written(table, paging):
    """Key by key."""
    assert TypeAdapter(Pages).validate_python(table).made() == paging


def test_a_question_in_the_body_of_a_post_and_headers_of_its_own(scripted, tmp_path):
    """A search, and a version that must be named."""
    script = scripted(Answer(body=b'{"d": []}'))
    described(
        script.url, tmp_path, {"kind": "bearer", "secret": "SECRET"}, method="POST", records="d",
        body={"query": 1}, headers={"X-Version": "2"},
    ).check()  # fmt: skip
    method, _, headers = script.requests[0]
    assert (method, headers["X-Version"], int(headers["Content-Length"])) == ("POST", "2", 11)


def test_a_check_says_which_columns_come_of_the_first_page(scripted, tmp_path):
    """A wrong path gives nothing, in silence; a moment in another form cannot be read."""
    columns = {**COLUMNS, "score": "rating", "email": "person.emial", "comment": "text"}
    people = [{"id": "1", "at": "gestern", "score": 9, "text": "Gut", "person": {"email": "p@x"}},
              {"id": "2", "at": "heute", "score": 9, "person": {"email": "q@x"}}]  # fmt: skip
    script = scripted(Answer(body=orjson.dumps(people)))
    auth = {"kind": "bearer", "secret": "SECRET"}
    said = described(script.url, tmp_path, auth, columns=columns).check()
    assert said == (
        "answers; looked at 2 records; none of them has score, email; what is there for "
        "submitted_at cannot be read"
    )
    assert len(script.requests) == 1


def test_a_check_of_what_is_right_says_so(scripted, tmp_path):
    """Also when there is nothing to look at yet."""
    auth = {"kind": "bearer", "secret": "SECRET"}
    for body, said in (
        (b'[{"id": "1", "at": "2026-11-01T10:00:00Z"}]', "every column has values"),
        (b"[]", "no record to look at"),
    ):
        made = described(scripted(Answer(body=body)).url, tmp_path, auth)
        assert said in str(made.check())


def test_a_wrong_place_of_the_records_is_told_with_what_is_there(scripted, tmp_path):
    """By names; what an answer says is nobody's business."""
    auth = {"kind": "bearer", "secret": "SECRET"}
    for body, there in ((b'{"data": [], "meta": 7}', "has 'data', 'meta'"), (b"[]", "is itself")):
        made = described(scripted(Answer(body=body)).url, tmp_path, auth, records="items")
        with pytest.raises(Malformed, match="no list of records to list at `items`") as refused:
            made.check()
        assert there in refused.value.hint
