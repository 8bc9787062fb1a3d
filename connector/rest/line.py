"""One system's connection: who we are goes with every call, and no limit is overrun."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import orjson

from ..errors import AuthError, Denied, Malformed, RemoteError
from ..http import READS, body_of
from ..secrets import Secret
from .pooled import Pooled, Reply

#: A token is renewed so many seconds before it ends.
EARLY = 60.0
#: The largest file that is downloaded.
FILE = 2_000_000_000


class Signer(Protocol):
    """Who we are, as this system wants to hear it."""

    def header(self) -> str:
        """The value of the Authorization header; "" if it is said elsewhere."""
        ...

    def renew(self, stale: str) -> None:
        """Get a new token, unless somebody else has already replaced `stale`."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers besides Authorization."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """What goes into the address."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """A secret that is sent as it is: in Authorization, in a header of its own, or in the address.

    `how` is the template of the value: `Bearer {}`, `Token token={}`, `{}`.
    """

    name: str
    secret: Secret
    how: str = "Bearer {}"
    at: str = "Authorization"
    in_query: bool = False
    #: Where a person makes a new one.
    made_at: str = ""

    def header(self) -> str:
        return self._value if self.at == "Authorization" and not self.in_query else ""

    def renew(self, stale: str) -> None:  # noqa: ARG002 (a signer's shape)
        raise AuthError(
            f"{self.name} refuses the token in {self.secret.reference}.",
            hint=_make_new(self.made_at),
        )

    @property
    def headers(self) -> Mapping[str, str]:
        away = self.at == "Authorization" or self.in_query
        return {} if away else {self.at: self._value}

    @property
    def query(self) -> Mapping[str, str]:
        return {self.at: self._value} if self.in_query else {}

    @property
    def _value(self) -> str:
        return self.how.format(self.secret.reveal())


def bearer(name: str, token: Secret, made_at: str = "") -> Signed:
    """A token in `Authorization: Bearer`."""
    return Signed(name, token, made_at=made_at)


def _make_new(made_at: str) -> str:
    where = f" under {made_at}" if made_at else ""
    return f"Was it revoked, or cut when it was stored? Make a new one{where} and store it there."


@dataclass(frozen=True, slots=True)
class Basic:
    """A user and a secret by HTTP Basic; either may be empty."""

    name: str
    secret: Secret
    user: str = ""
    secret_first: bool = False
    #: Where a person makes a new one.
    made_at: str = ""

    def header(self) -> str:
        from base64 import b64encode

        hidden = self.secret.reveal()
        pair = f"{hidden}:{self.user}" if self.secret_first else f"{self.user}:{hidden}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def renew(self, stale: str) -> None:  # noqa: ARG002 (a signer's shape)
        raise AuthError(
            f"{self.name} refuses the key in {self.secret.reference}.",
            hint=_make_new(self.made_at),
        )

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def query(self) -> Mapping[str, str]:
        return {}


@dataclass(slots=True)
class ClientCredentials:
    """OAuth client credentials: a token that lasts an hour or so, fetched anew before it ends.

    `host` is where tokens come from; `form` is what goes with the request besides id and secret.
    With `basic` id and secret go into the header.
    """

    name: str
    host: str
    path: str
    client_id: str
    client_secret: Secret
    form: Mapping[str, str] = field(default_factory=dict)
    basic: bool = False
    _token: str = field(default="", init=False, repr=False)
    _ends: float = field(default=0.0, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)
    _line: Pooled | None = field(default=None, init=False, repr=False)

    def header(self) -> str:
        with self._lock:
            if not self._token or monotonic() > self._ends - EARLY:
                self._fetch()
            return f"Bearer {self._token}"

    def renew(self, stale: str) -> None:
        with self._lock:
            if stale == f"Bearer {self._token}":
                self._fetch()

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def query(self) -> Mapping[str, str]:
        return {}

    @property
    def calls(self) -> int:
        """How often a token was fetched."""
        return sum(self._line.calls.values()) if self._line else 0

    def _fetch(self) -> None:
        self._line = self._line or Pooled(self.host, name=self.name, lane=lambda *_: "login")
        form = {"grant_type": "client_credentials", **self.form}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.basic:
            signer = Basic(self.name, self.client_secret, self.client_id)
            headers["Authorization"] = signer.header()
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}
        body = urlencode(form).encode()
        answer = self._line.ask("POST", self.path, True, {"data": body, "headers": headers})
        if answer.status_code >= 400:
            raise AuthError(
                f"{self.name} refuses the client {self.client_id} ({answer.status_code}).",
                hint="Check client_id and client_secret, and that the app may use the API.",
            )
        told = body_of(answer, self.name)
        if not isinstance(told, dict) or not told.get("access_token"):
            raise Malformed(f"{self.name} answered without a token.")
        self._token = str(told["access_token"])
        self._ends = monotonic() + float(told.get("expires_in") or 3600)


class Line(Pooled):
    """A connection to one system: GET and POST of JSON, signed, refusals told in words."""

    def __init__(
        self,
        base: str,
        signer: Signer,
        *,
        name: str,
        headers: Mapping[str, str] | None = None,
        lane: Callable[[str, str], str] = lambda _, path: path.rstrip("/").rpartition("/")[2],
    ) -> None:
        super().__init__(base, name=name, credentials=signer, lane=lane)
        self._signer = signer
        self._own = dict(headers or {})

    def raw(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        safe: bool = True,
        allowed: frozenset[int] = frozenset(),
    ) -> Reply:
        """One call: the answer as it is, or our error. `allowed` are statuses the caller judges."""
        asked = {**(query or {}), **self._signer.query}
        address = self._with(path, asked)
        sent = {**self._own, **self._signer.headers, **(headers or {})}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else orjson.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        is_safe = safe or method in READS
        answer = self.ask(method, address, is_safe, {"data": data, "headers": sent})
        if answer.status_code >= 400 and answer.status_code not in allowed:
            raise self._refusal(answer, path)
        return answer

    def save(
        self, path: str, into: Path, query: Mapping[str, str] | None = None, *, most: int = FILE
    ) -> None:
        """Download into a file; an answer that says no is an error as anywhere else."""
        sent = {**self._own, **self._signer.headers}
        options: dict[str, Any] = {"headers": sent, "into": into, "most": most}
        answer = self.ask("GET", self._with(path, {**(query or {}), **self._signer.query}), True,
                          options)  # fmt: skip
        if answer.status_code >= 400:
            raise self._refusal(answer, path)

    def json(self, path: str, query: Mapping[str, str] | None = None, **options: Any) -> Any:
        """One call and its decoded body."""
        return body_of(self.raw(path, query, **options), self.name)

    def _with(self, path: str, query: Mapping[str, str]) -> str:
        """The address with its query; one that a server gave us keeps its own."""
        if not query:
            return path
        return f"{path}{'&' if '?' in path else '?'}{urlencode(query)}"

    def _refusal(self, answer: Reply, path: str) -> Exception:
        status = answer.status_code
        if status == 401:
            return AuthError(f"{self.name} does not accept our token.", hint="Store a new one.")
        if status in {402, 403}:
            return Denied(
                f"{self.name} does not let us read {_plain(path)} ({status}).",
                hint="Does the plan include the API, and may the token's user see this?",
                status=status,
            )
        return RemoteError(
            f"{self.name} answered {status} to {_plain(path)}.",
            hint="Run again; if it stays, check the settings of this source.",
            status=status,
        )


def _plain(path: str) -> str:
    """The path alone: queries may carry what does not belong into a message."""
    return urlsplit(path).path
