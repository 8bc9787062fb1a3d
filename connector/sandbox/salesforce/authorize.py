"""Where a browser is sent: a page that asks, and the way back with a code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..store import Store
from .grants import Denial, new_code
from .sessions import SCOPES, options

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
KNOWN_SCOPES = frozenset({*SCOPES.split(), "offline_access", "openid", "web", "full"})
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body><h1>{title}</h1>{body}</body></html>"""
FORM = """<p>The app {client} asks for: {scope}.</p><form method="post">{hidden}
<label>Sign in as <select name="user">{users}</select></label>
<button name="answer" value="allow">Allow</button>
<button name="answer" value="deny">Deny</button></form>"""


def ask(store: Store, request: Request, _form: dict[str, str]) -> Response:
    """Shows the page, or answers at once if nobody is to be asked."""
    asked = dict(request.query_params)
    if refused := _misplaced(store, asked):
        return refused
    consent = options(store)["consent"]
    if consent == "ask" and not _wrong(asked):
        return HTMLResponse(PAGE.format(title="Allow access?", body=_form_of(store, asked)))
    return _answered(store, asked, allowed=consent != "deny", username=_hint(store, asked))


def answer(store: Store, request: Request, form: dict[str, str]) -> Response:
    """Takes what the person chose on the page."""
    asked = {**dict(request.query_params), **form}
    if refused := _misplaced(store, asked):
        return refused
    allowed = form.get("answer") == "allow"
    return _answered(
        store, asked, allowed=allowed, username=form.get("user") or _hint(store, asked)
    )


def _misplaced(store: Store, asked: Mapping[str, str]) -> Response | None:
    """An error that is shown here: there is no trustworthy place to go back to."""
    denial = None
    if asked.get("client_id") != store.get("salesforce_app")["client_id"]:
        denial = Denial("invalid_client_id", "client identifier invalid")
    elif not options(store)["installed"]:
        denial = Denial("invalid_client", "app must be installed into org")
    elif asked.get("redirect_uri") not in options(store)["callbacks"]:
        denial = Denial("redirect_uri_mismatch", "redirect_uri must match configuration")
    if denial is None:
        return None
    said = f"<p>error={denial.error}&amp;error_description={denial.description}</p>"
    return HTMLResponse(PAGE.format(title="OAuth Error", body=said), status_code=400)


def _wrong(asked: Mapping[str, str]) -> Denial | None:
    """An error that the app is told."""
    if asked.get("response_type") != "code":
        return Denial("unsupported_response_type", "response type is not supported")
    if not CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        return Denial("invalid_request", "missing required code challenge")
    # the vendor's own tools leave it out; there is no other
    if asked.get("code_challenge_method", "S256") != "S256":
        return Denial("invalid_request", "code challenge method must be S256")
    if not set(asked.get("scope", SCOPES).split()) <= KNOWN_SCOPES:
        return Denial("invalid_scope", "the requested scope is not allowed")
    return None


def _answered(store: Store, asked: Mapping[str, str], *, allowed: bool, username: str) -> Response:
    denial = _wrong(asked) or _stranger(store, username)
    if denial is None and not allowed:
        denial = Denial("access_denied", "end-user denied authorization")
    if denial is not None:
        return _back(asked, denial.body())
    scope = asked.get("scope", SCOPES)
    user = _users(store)[username]
    challenge, redirect = asked["code_challenge"], asked["redirect_uri"]
    return _back(asked, {"code": new_code(store, user, redirect, challenge, scope)})


def _back(asked: Mapping[str, str], told: Mapping[str, str]) -> Response:
    state = {"state": asked["state"]} if "state" in asked else {}
    target, _, query = asked["redirect_uri"].partition("?")
    every = [*parse_qsl(query), *told.items(), *state.items()]
    return RedirectResponse(f"{target}?{urlencode(every)}", status_code=302)


def _stranger(store: Store, username: str) -> Denial | None:
    known = username in _users(store)
    return None if known else Denial("access_denied", "there is no such active user")


def _users(store: Store) -> dict[str, str]:
    """Who can sign in: ids of active users by their names for signing in."""
    sql = "select Username, Id from User where IsActive = 1 and Username is not null order by Id"
    return dict(store.db.execute(sql).fetchall())


def _hint(store: Store, asked: Mapping[str, str]) -> str:
    return asked.get("login_hint") or str(store.get("salesforce_app")["username"])


def _form_of(store: Store, asked: Mapping[str, str]) -> str:
    chosen = _hint(store, asked)
    users = "".join(
        f"<option{' selected' if name == chosen else ''}>{escape(name)}</option>"
        for name in _users(store)
    )
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    scope = escape(asked.get("scope", SCOPES))
    return FORM.format(
        client=escape(asked["client_id"][:12]), scope=scope, hidden=hidden, users=users
    )
