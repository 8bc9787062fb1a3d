"""Signing in: JWT bearer and client credentials; what a token is good for, and for how long."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..clock import stamp
from ..store import SYSTEM_USER, Store
from .errors import Refusal

SCHEMA = """
create table if not exists tokens (
    token text primary key, user text not null, issued text not null, used text not null
) without rowid;
"""
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST_ASSERTION = 180
#: Clocks of the two sides may differ by this many seconds.
LEEWAY = 30
SESSION_SECONDS = 7_200
SCOPES = "api refresh_token id"

Form = dict[str, str]


class Denial(Exception):
    """A sign-in that fails, in OAuth's own words."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def body(self) -> dict[str, str]:
        """The answer to whoever tried."""
        return {"error": self.error, "error_description": self.description}


def routes(store: Store) -> list[Route]:
    """The addresses under `/services/oauth2`, and the identity address."""
    return [
        _route(store, "POST", "/services/oauth2/token", _token),
        _route(store, "POST", "/services/oauth2/revoke", _revoke),
        _route(store, "POST", "/services/oauth2/introspect", _introspect),
        _route(store, "GET", "/services/oauth2/userinfo", _userinfo),
        _route(store, "GET", "/id/{org}/{user}", _userinfo),
    ]


def user_of(store: Store, authorization: str) -> str:
    """The user of a session; refuses a token that is unknown, expired or revoked."""
    kind, _, token = authorization.partition(" ")
    user = _alive(store, token.strip()) if kind.lower() in ("bearer", "oauth") else None
    if user is None:
        raise Refusal("INVALID_SESSION_ID", "Session expired or invalid", status=401)
    return user


def expire_all(store: Store) -> int:
    """Ends every session and tells how many there were."""
    with store.transaction() as db:
        return db.execute("delete from tokens").rowcount


def _alive(store: Store, token: str) -> str | None:
    """The user of a token that was used less than a session's length ago."""
    now = store.clock.now()
    row = store.db.execute("select user, used from tokens where token = ?", (token,)).fetchone()
    timeout = timedelta(seconds=store.get("session_seconds") or SESSION_SECONDS)
    if row is None or row[1] < stamp(now - timeout):
        return None
    if row[1] < stamp(now - timedelta(minutes=1)):
        store.db.execute("update tokens set used = ? where token = ?", (stamp(now), token))
    return str(row[0])


def _route(
    store: Store, method: str, path: str, handler: Callable[[Store, Request, Form], Response]
) -> Route:
    def answered(request: Request, body: bytes) -> Response:
        form = {key: values[0] for key, values in parse_qs(body.decode("latin-1")).items()}
        try:
            with store.lock:
                return handler(store, request, form)
        except Denial as denial:
            return _json(denial.body(), status=denial.status)
        except Refusal as refusal:
            return _json(refusal.body(), status=refusal.status)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answered, request, await request.body())

    return Route(path, endpoint, methods=[method])


def _json(body: Any, *, status: int = 200) -> Response:
    headers = {
        "Cache-Control": "no-cache, no-store",
        "Content-Type": "application/json;charset=UTF-8",
    }
    return Response(orjson.dumps(body), status_code=status, headers=headers)


def _token(store: Store, request: Request, form: Form) -> Response:
    match form.get("grant_type"):
        case grant if grant == JWT_GRANT:
            _check_assertion(store, request, form.get("assertion", ""))
        case "client_credentials":
            _check_client(store, request, form)
        case "password":
            # switched off in every org made since 2023
            raise Denial("invalid_grant", "authentication failure")
        case None:
            raise Denial("invalid_request", "grant_type is missing")
        case other:
            raise Denial("unsupported_grant_type", f"grant type not supported: {other}")
    return _json(_issued(store, request))


def _check_assertion(store: Store, request: Request, assertion: str) -> None:
    app = store.get("salesforce_app")
    key = RSAKey.import_key(app["private_key"])
    try:
        claims = jwt.decode(assertion, key, algorithms=["RS256"]).claims
    except (JoseError, ValueError):
        raise Denial("invalid_grant", "invalid assertion") from None
    if claims.get("iss") != app["client_id"]:
        raise Denial("invalid_client_id", "client identifier invalid")
    if claims.get("aud") not in (*AUDIENCES, _base(request)):
        raise Denial("invalid_grant", "audience is invalid")
    if claims.get("sub") != app["username"]:
        raise Denial("invalid_grant", "user hasn't approved this consumer")
    _check_expiry(store, claims.get("exp"))


def _check_expiry(store: Store, expires: object) -> None:
    """Accepts the sandbox's clock and the real one: a client knows only the latter."""
    if not isinstance(expires, int | float):
        raise Denial("invalid_grant", "invalid assertion")
    lefts = [expires - now for now in (store.clock.now().timestamp(), time.time())]
    if not any(-LEEWAY < left <= LONGEST_ASSERTION + LEEWAY for left in lefts):
        raise Denial("invalid_grant", "token validity expired")


def _check_client(store: Store, request: Request, form: Form) -> None:
    app = store.get("salesforce_app")
    client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    if not hmac.compare_digest(client.encode(), app["client_id"].encode()):
        raise Denial("invalid_client_id", "client identifier invalid")
    if not hmac.compare_digest(secret.encode(), app["client_secret"].encode()):
        raise Denial("invalid_client", "invalid client credentials", status=401)


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Denial("invalid_client", "invalid client credentials", status=401) from None
    return client, secret


def _issued(store: Store, request: Request) -> dict[str, str]:
    app, now = store.get("salesforce_app"), store.clock.now()
    token = f"{app['org_id'][:15]}!AQ{secrets.token_urlsafe(60).replace('-', '.')}"
    with store.transaction() as db:
        db.execute(
            "insert into tokens values (?, ?, ?, ?)", (token, SYSTEM_USER, stamp(now), stamp(now))
        )
    identity = f"{_base(request)}/id/{app['org_id']}/{SYSTEM_USER}"
    issued = str(int(now.timestamp() * 1000))
    signed = hmac.new(app["client_secret"].encode(), (identity + issued).encode(), hashlib.sha256)
    return {
        "access_token": token,
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": SCOPES,
        "instance_url": _base(request),
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
        "api_instance_url": _base(request),
    }


def _base(request: Request) -> str:
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def _revoke(store: Store, request: Request, form: Form) -> Response:
    token = form.get("token") or request.query_params.get("token", "")
    with store.transaction() as db:
        known = db.execute("delete from tokens where token = ?", (token,)).rowcount
    if not known:
        raise Denial("unsupported_token_type", "this token type is not supported")
    return Response(status_code=200)


def _introspect(store: Store, request: Request, form: Form) -> Response:
    _check_client(store, request, form)
    token, app = form.get("token", ""), store.get("salesforce_app")
    user = _alive(store, token)
    if user is None:
        return _json({"active": False})
    (issued,) = store.db.execute("select issued from tokens where token = ?", (token,)).fetchone()
    return _json(
        {
            "active": True,
            "scope": SCOPES,
            "client_id": app["client_id"],
            "username": app["username"],
            "sub": f"{_base(request)}/id/{app['org_id']}/{user}",
            "token_type": "access_token",
            "iat": int(datetime.fromisoformat(issued).timestamp()),
        }
    )


def _userinfo(store: Store, request: Request, _form: Form) -> Response:
    user = user_of(store, request.headers.get("authorization", ""))
    wanted = request.path_params.get("user", user)
    row = store.db.execute(
        "select Id, Name, Email, Username, IsActive from User where Id = ?", (wanted,)
    ).fetchone()
    org = store.get("salesforce_app")["org_id"]
    if row is None or request.path_params.get("org", org) != org:
        raise Denial("not_found", "there is no such user", status=404)
    id_, name, email, username, active = row
    identity = f"{_base(request)}/id/{org}/{id_}"
    data = f"{_base(request)}/services/data/v{{version}}/"
    return _json(
        {
            "sub": identity,
            "id": identity,
            "user_id": id_,
            "organization_id": org,
            "preferred_username": username,
            "username": username,
            "name": name,
            "display_name": name,
            "email": email,
            "active": bool(active),
            "urls": {"rest": data, "query": f"{data}query/", "sobjects": f"{data}sobjects/"},
        }
    )
