"""OAuth: the page that asks, tokens for codes and refresh tokens, asking about them, taking back.

v1 takes its secrets from the address, too, and names tokens in addresses; from v3 on they
travel in the body alone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ..store import Store
from . import auth, grants
from .errors import Refusal, not_found
from .grants import Denial, Granted
from .portal import portal

NEWER = ("v3", "2026-03", "2026-09")
SECRETS = frozenset({"client_secret", "refresh_token", "code", "code_verifier", "token"})
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
HUB_DOMAIN = "sandbox.example"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body><h1>{title}</h1>{body}</body></html>"""
FORM = """<p>The app asks for: {scopes}.</p><form method="post">{hidden}
<button name="answer" value="allow">Connect app</button>
<button name="answer" value="deny">Cancel</button></form>"""

Form = dict[str, str]
Handler = Callable[[Store, Request, Form], Response]


def routes(store: Store) -> list[Route]:
    """Every address under `/oauth`; none of them wants an access token."""
    asks = [
        _route(store, method, f"/oauth{account}/authorize", handler)
        for account in ("", "/{portal:int}")
        for method, handler in (("GET", _ask), ("POST", _answer))
    ]
    newer = [
        _route(store, "POST", f"/oauth/{version}/token{end}", handler)
        for version in NEWER
        for end, handler in (("", _token), ("/introspect", _introspect), ("/revoke", _revoke))
    ]
    return [
        *asks,
        *newer,
        _route(store, "POST", "/oauth/v1/token", _token),
        _route(store, "GET", "/oauth/v1/access-tokens/{token}", _access_token),
        _route(store, "GET", "/oauth/v1/refresh-tokens/{token}", _refresh_token),
        _route(store, "DELETE", "/oauth/v1/refresh-tokens/{token}", _forget_refresh_token),
        _route(store, "POST", "/oauth/v2/private-apps/get/access-token-info", _private_app),
    ]


def _route(store: Store, method: str, path: str, handler: Handler) -> Route:
    def answered(request: Request, body: bytes) -> Response:
        newer = _newer(request)
        try:
            with store.lock:
                return handler(store, request, _form(request, body))
        except Denial as denial:
            return _json(denial.body(newer=newer), status=denial.status)
        except Refusal as refusal:
            return _json(refusal.body(), status=refusal.status)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answered, request, await request.body())

    return Route(path, endpoint, methods=[method])


def _newer(request: Request) -> bool:
    return any(request.url.path.startswith(f"/oauth/{version}/") for version in NEWER)


def _form(request: Request, body: bytes) -> Form:
    """What was sent; the older address takes it from the query, too."""
    text = body.decode("latin-1")
    if request.headers.get("content-type", "").startswith("application/json"):
        return {"json": text}
    form, query = dict(parse_qsl(text, keep_blank_values=True)), dict(request.query_params)
    if _newer(request) and (told := SECRETS & query.keys()):
        raise Denial(
            "BAD_REQUEST",
            f"{', '.join(sorted(told))} must be sent in the request body",
            error="invalid_request",
        )
    return {**query, **form}


def _json(body: Any, *, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json;charset=utf-8"}
    return Response(orjson.dumps(body), status_code=status, headers=headers)


# the page


def _ask(store: Store, _: Request, asked: Form) -> Response:
    """Shows the page, or answers at once if nobody is to be asked."""
    if said := _wrong(store, asked):
        return HTMLResponse(PAGE.format(title="Authorization failed", body=said), status_code=400)
    consent = grants.options(store)["consent"]
    if consent == "ask":
        return HTMLResponse(PAGE.format(title="Connect app", body=_page(asked)))
    return _back(store, asked, allowed=consent == "auto")


def _answer(store: Store, _: Request, asked: Form) -> Response:
    """Takes what the person chose on the page."""
    if said := _wrong(store, asked):
        return HTMLResponse(PAGE.format(title="Authorization failed", body=said), status_code=400)
    return _back(store, asked, allowed=asked.get("answer") == "allow")


def _wrong(store: Store, asked: Mapping[str, str]) -> str:
    """What is shown instead of the page, if the question is not as it should be."""
    wanted, every = set(_scopes(asked)), set(auth.SCOPES)
    options = grants.options(store)
    if asked.get("client_id") != auth.client()["client_id"]:
        return "The client ID is missing or unknown."
    if asked.get("redirect_uri") not in options["callbacks"]:
        return "The redirect URL does not match the redirect URLs of the app."
    if not wanted or not wanted <= every:
        return f"The scopes do not match those of the app: {escape(' '.join(wanted - every))}"
    challenge = asked.get("code_challenge", "")
    if (challenge or options["pkce"]) and not CHALLENGE.fullmatch(challenge):
        return "The code challenge is missing or invalid."
    if challenge and asked.get("code_challenge_method", "S256") != "S256":
        return "The code challenge method must be S256."
    return ""


def _scopes(asked: Mapping[str, str], name: str = "scope") -> list[str]:
    return asked.get(name, "").replace("+", " ").split()


def _back(store: Store, asked: Mapping[str, str], *, allowed: bool) -> Response:
    told = {"error": "access_denied", "error_description": "The user denied access."}
    if allowed:
        told = {"code": _code(store, asked)}
    if "state" in asked:
        told["state"] = asked["state"]
    target, _, query = asked["redirect_uri"].partition("?")
    every = urlencode([*parse_qsl(query), *told.items()])
    return RedirectResponse(f"{target}?{every}", status_code=302)


def _code(store: Store, asked: Mapping[str, str]) -> str:
    """A code for the scopes that were asked for, and the optional ones that can be had."""
    can = auth.app(store, auth.APPS[auth.OAUTH]).scopes
    optional = [each for each in _scopes(asked, "optional_scope") if each in can]
    # what the app has, every grant of it has
    scopes = list(dict.fromkeys([*_scopes(asked), *optional, "oauth"]))
    return grants.new_code(store, asked["redirect_uri"], asked.get("code_challenge", ""), scopes)


def _page(asked: Mapping[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    return FORM.format(scopes=escape(", ".join(_scopes(asked))), hidden=hidden)


# tokens


def _token(store: Store, request: Request, form: Form) -> Response:
    _check_client(form)
    match form.get("grant_type"):
        case "authorization_code":
            named = (form.get(name, "") for name in ("code", "redirect_uri", "code_verifier"))
            granted = grants.exchange(store, *named)
        case "refresh_token":
            granted = grants.refresh(store, form.get("refresh_token", ""))
        case _:
            raise Denial(
                "BAD_GRANT_TYPE", "missing or unknown grant type", error="unsupported_grant_type"
            )
    return _json(_issued(store, granted, newer=_newer(request)))


def _check_client(form: Form) -> None:
    app = auth.client()
    if not hmac.compare_digest(form.get("client_id", "").encode(), app["client_id"].encode()):
        raise Denial("BAD_CLIENT_ID", "missing or invalid client id", error="invalid_client")
    if not hmac.compare_digest(
        form.get("client_secret", "").encode(), app["client_secret"].encode()
    ):
        raise Denial(
            "BAD_CLIENT_SECRET", "missing or invalid client secret", error="invalid_client"
        )


def _issued(store: Store, granted: Granted, *, newer: bool) -> dict[str, Any]:
    token, seconds = grants.open_session(store, granted)
    told: dict[str, Any] = {
        "token_type": "bearer",
        "refresh_token": granted.refresh,
        "access_token": token,
        "expires_in": seconds,
    }
    if newer:
        told |= {"hub_id": portal(store).id, "user_id": auth.USER, "scopes": list(granted.scopes)}
    return told


def _introspect(store: Store, _: Request, form: Form) -> Response:
    _check_client(form)
    told = _described(store, form.get("token", ""))
    if told is None:
        return _json({"active": False})
    use = "refresh_token" if "expires_in" not in told else "access_token"
    return _json({"active": True, "token_use": use, **auth.client_id(), **told})


def _described(store: Store, token: str) -> dict[str, Any] | None:
    """What there is to tell of a token of OAuth that is good."""
    account, now = portal(store), store.clock.now()
    known = {
        "hub_id": account.id,
        "user_id": auth.USER,
        "user": auth.EMAIL,
        "hub_domain": HUB_DOMAIN,
        "app_id": auth.APPS[auth.OAUTH],
    }
    if (grant := grants.find(store, token)) and not grant["ended"] and not grant["replaced"]:
        return {**known, "token_type": "refresh", "scopes": grant["scopes"]}
    row = store.db.execute(
        "select scopes, ends from hubspot_tokens where token = ? and grant_id is not null",
        (token,),
    ).fetchone()
    if row is None or (ends := datetime.fromisoformat(row[1])) <= now:
        return None
    left = int((ends - now).total_seconds())
    return {**known, "token_type": "access", "scopes": orjson.loads(row[0]), "expires_in": left}


def _revoke(store: Store, _: Request, form: Form) -> Response:
    """Ends the grant of a refresh token, or one access token; one that is unknown is gone, too."""
    _check_client(form)
    token = form.get("token", "")
    if grant := grants.find(store, token):
        grants.end(store, grant["id"], "revoked")
    store.db.execute(
        "delete from hubspot_tokens where token = ? and grant_id is not null", (token,)
    )
    return Response(status_code=200)


def _access_token(store: Store, request: Request, _: Form) -> Response:
    token = request.path_params["token"]
    told = _described(store, token)
    if told is None or "expires_in" not in told:
        raise not_found("access token is invalid or expired")
    return _json({"token": token, **told})


def _refresh_token(store: Store, request: Request, _: Form) -> Response:
    token = request.path_params["token"]
    told = _described(store, token)
    if told is None or "expires_in" in told:
        raise not_found("refresh token is invalid")
    told.pop("app_id")
    return _json({"token": token, **auth.client_id(), **told})


def _forget_refresh_token(store: Store, request: Request, _: Form) -> Response:
    if grant := grants.find(store, request.path_params["token"]):
        grants.end(store, grant["id"], "revoked")
    return Response(status_code=204)


def _private_app(store: Store, _: Request, form: Form) -> Response:
    """Tells whose the token of a service key or private app is, and what it may do."""
    try:
        token = str(orjson.loads(form.get("json", ""))["tokenKey"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Refusal("VALIDATION_ERROR", "tokenKey is missing") from None
    app = auth.app_of(store, f"Bearer {token}")
    if app.kind == auth.OAUTH:
        raise auth.unauthenticated()
    told = {"userId": app.user, "hubId": app.portal, "appId": app.id, "scopes": sorted(app.scopes)}
    return _json(told)
