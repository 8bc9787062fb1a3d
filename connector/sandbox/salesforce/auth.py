"""Signing in: assertions, client credentials, codes and refresh tokens; asking and taking back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..store import SYSTEM_USER, Store
from . import authorize, grants, sessions, soap_login
from .errors import Refusal
from .grants import Denial, Granted
from .sessions import SCOPES, expire_all, user_of

__all__ = ["SCHEMA", "expire_all", "routes", "user_of"]

SCHEMA = sessions.SCHEMA + grants.SCHEMA
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST_ASSERTION = 180
#: An expiry beyond this is in milliseconds: the vendor's own CLI writes it so, and is let in.
MILLISECONDS = 100_000_000_000
#: Clocks of the two sides may differ by this many seconds.
LEEWAY = 30

Form = dict[str, str]


def routes(store: Store) -> list[Route]:
    """The addresses under `/services/oauth2`, the identity address, and SOAP's `login()`."""
    return [
        _route(store, "GET", "/services/oauth2/authorize", authorize.ask),
        _route(store, "POST", "/services/oauth2/authorize", authorize.answer),
        _route(store, "POST", "/services/oauth2/token", _token),
        _route(store, "POST", "/services/oauth2/revoke", _revoke),
        _route(store, "GET", "/services/oauth2/revoke", _revoke),
        _route(store, "POST", "/services/oauth2/introspect", _introspect),
        _route(store, "GET", "/services/oauth2/userinfo", _userinfo),
        _route(store, "GET", "/id/{org}/{user}", _userinfo),
        *soap_login.routes(),
    ]


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
    if not sessions.options(store)["installed"]:
        raise Denial("invalid_client", "app must be installed into org")
    match form.get("grant_type"):
        case grant if grant == JWT_GRANT:
            user = _check_assertion(store, request, form.get("assertion", ""))
            granted = Granted(user, SCOPES, None)
        case "client_credentials":
            _check_host(store)
            _check_client(store, request, form)
            granted = Granted(SYSTEM_USER, SCOPES, None)
        case "authorization_code":
            _check_app(store, request, form)
            named = (form.get(name, "") for name in ("code", "redirect_uri", "code_verifier"))
            granted = grants.exchange(store, *named)
        case "refresh_token":
            _check_app(store, request, form)
            granted = grants.refresh(store, form.get("refresh_token", ""))
        case None:
            raise Denial("invalid_request", "grant_type is missing")
        case _:
            # the password flow among them: no external client app has it
            raise Denial("unsupported_grant_type", "grant type not supported")
    return _json(_issued(store, request, granted))


def _check_assertion(store: Store, request: Request, assertion: str) -> str:
    """The user whom a valid assertion is for."""
    app = store.get("salesforce_app")
    key = sessions.signing_key(app["private_key"])
    try:
        claims = jwt.decode(assertion, key, algorithms=["RS256"]).claims
    except (JoseError, ValueError):
        raise Denial("invalid_grant", "invalid assertion") from None
    if claims.get("iss") != app["client_id"]:
        raise Denial("invalid_client_id", "client identifier invalid")
    if claims.get("aud") not in (*AUDIENCES, _base(request), f"{_base(request)}/"):
        raise Denial("invalid_grant", "audience is invalid")
    user = _approved(store, str(claims.get("sub")))
    _check_expiry(store, claims.get("exp"))
    return user


def _approved(store: Store, username: str) -> str:
    """The id of a user who may sign in by assertion: pre-authorised, and active."""
    if username == store.get("salesforce_app")["username"]:
        grants.check_user(store, SYSTEM_USER)
        return SYSTEM_USER
    sql = "select Id from User where Username = ?"
    row = store.db.execute(sql, (username,)).fetchone()
    if row is None or username not in sessions.options(store)["users"]:
        raise Denial("invalid_grant", "user hasn't approved this consumer")
    grants.check_user(store, row[0])
    return str(row[0])


def _check_expiry(store: Store, expires: object) -> None:
    """Accepts the sandbox's clock and the real one: a client knows only the latter."""
    # clients that are let in write it as text, too
    try:
        moment = float(str(expires))
    except ValueError:
        raise Denial("invalid_grant", "invalid assertion") from None
    if moment > MILLISECONDS:
        moment /= 1_000
    lefts = [moment - now for now in (store.clock.now().timestamp(), time.time())]
    if not any(-LEEWAY < left <= LONGEST_ASSERTION + LEEWAY for left in lefts):
        raise Denial("invalid_grant", "token validity expired")


def _check_host(store: Store) -> None:
    if sessions.options(store)["host"] == "login":
        raise Denial("invalid_grant", "request not supported on this domain")


def _check_client(store: Store, request: Request, form: Form) -> None:
    app = store.get("salesforce_app")
    client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    _check_client_id(store, client)
    if not hmac.compare_digest(secret.encode(), app["client_secret"].encode()):
        raise Denial("invalid_client", "invalid client credentials", status=401)


def _check_app(store: Store, request: Request, form: Form) -> None:
    """A confidential client shows its secret; a public one has none and must not show any."""
    if sessions.options(store)["client"] == "confidential":
        _check_client(store, request, form)
        return
    _check_client_id(store, form.get("client_id", ""))
    if "client_secret" in form or _basic(request):
        raise Denial("invalid_client", "invalid client credentials", status=401)


def _check_client_id(store: Store, client: str) -> None:
    if not hmac.compare_digest(client.encode(), store.get("salesforce_app")["client_id"].encode()):
        raise Denial("invalid_client_id", "client identifier invalid")


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Denial("invalid_client", "invalid client credentials", status=401) from None
    return client, secret


def _issued(store: Store, request: Request, granted: Granted) -> dict[str, str]:
    app, now = store.get("salesforce_app"), store.clock.now()
    instance = sessions.options(store)["instance"] or _base(request)
    token = sessions.open_session(
        store, granted.user, instance, scope=granted.scope, grant=granted.id
    )
    identity = f"{_base(request)}/id/{app['org_id']}/{granted.user}"
    issued = str(int(now.timestamp() * 1000))
    signed = hmac.new(app["client_secret"].encode(), (identity + issued).encode(), hashlib.sha256)
    return {
        "access_token": token,
        **({"refresh_token": granted.refresh} if granted.refresh else {}),
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": granted.scope,
        "instance_url": instance,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
        "api_instance_url": instance,
    }


def _base(request: Request) -> str:
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def _revoke(store: Store, request: Request, form: Form) -> Response:
    """Takes back a session, or a grant with everything that came of it."""
    token = form.get("token") or request.query_params.get("token", "")
    if (row := grants.find(store, token)) and not row["ended"]:
        grants.end(store, row["id"], "revoked")
        return Response(status_code=200)
    with store.transaction() as db:
        known = db.execute("delete from sessions where token = ?", (token,)).rowcount
    if not known:
        raise Denial("unsupported_token_type", "this token type is not supported")
    return Response(status_code=200)


def _introspect(store: Store, request: Request, form: Form) -> Response:
    _check_app(store, request, form)
    token, app = form.get("token", ""), store.get("salesforce_app")
    found = _introspected(store, token)
    if not found:
        return _json({"active": False})
    user = found.pop("user")
    (username,) = store.db.execute("select Username from User where Id = ?", (user,)).fetchone()
    sub = f"{_base(request)}/id/{app['org_id']}/{user}"
    told = {"active": True, "client_id": app["client_id"], "username": username, "sub": sub}
    return _json({**told, **found})


def _introspected(store: Store, token: str) -> dict[str, Any]:
    """What there is to tell of a token that is alive: of a session when it ends, too."""
    if session := sessions.alive(store, token):
        issued, ends = int(session.issued.timestamp()), int(session.ends.timestamp())
        times = {"iat": issued, "nbf": issued, "exp": ends}
        known = {"user": session.user, "scope": session.scope, "token_type": "access_token"}
        return {**known, **times}
    row = grants.find(store, token)
    if row is None or not grants.usable(store, row):
        return {}
    return {"user": row["user"], "scope": row["scope"], "token_type": "refresh_token"}


def _userinfo(store: Store, request: Request, _form: Form) -> Response:
    """The identity service, which has its own way to refuse: a status of 403 and a word of text."""
    authorization = request.headers.get("authorization", "")
    try:
        user = user_of(store, authorization)
    except Refusal:
        said = "Bad_OAuth_Token" if authorization else "Missing_OAuth_Token"
        return PlainTextResponse(said, status_code=403)
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
