"""Where the network begins: one keep-alive connection per system, with its manners.

`Polite` has the manners, whatever carries the bytes: time-outs, retries, the pinned host, renewal
of an expired token and the count of calls. A `Session` has them as a `requests.Session`, so that
vendors' client libraries can be handed one and inherit them.

Reads are repeated when the line breaks. A write is never repeated blindly: if its answer did not
arrive, `InDoubt` is raised and the caller looks at what the other system holds now.
"""

from __future__ import annotations

import io
import ipaddress
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
import tenacity

from .errors import (
    AuthError,
    BudgetSpent,
    ConnectorError,
    InDoubt,
    Malformed,
    RemoteError,
    Throttled,
    Unreachable,
)

READS = frozenset({"GET", "HEAD", "OPTIONS"})
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 120.0
ATTEMPTS = 5
LONGEST_WAIT = 60.0
LATER = "Run again later: the next run continues where this one stopped."
READ_BACK = "The live values are read back to see what was done."
#: What servers say of our allowance, besides their clock.
NOTED = ("Sforce-Limit-Info", "X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining")
#: The names of what libraries hand to `request` by position, behind method and address.
_POSITIONS = ("params", "data", "headers")

_Origin = tuple[str, str, int | None]


class Credentials(Protocol):
    """What signs a request, and how it is renewed once the other side has stopped accepting it."""

    def header(self) -> str:
        """The value of the Authorization header now."""
        ...

    def renew(self, stale: str) -> None:
        """Get a new one, unless somebody else has already replaced `stale`."""
        ...


class Answer(Protocol):
    """What came back: `requests.Response` is one."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Any: ...

    @property
    def content(self) -> Any: ...


Reply = TypeVar("Reply", bound=Answer)


class Again(Exception):
    """This attempt may be repeated, after `wait` seconds if the server said so."""

    def __init__(self, error: ConnectorError, wait: float | None = None) -> None:
        self.error = error
        self.wait = wait


class Broken(Exception):
    """No answer, and why; `unsent` if the request cannot have arrived."""

    def __init__(self, reason: str, *, unsent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unsent = unsent


class Polite(Generic[Reply]):
    """The manners of a connection to one host.

    `lane` names a request for the count of calls: a function of method and path, where everything
    that only reads is a GET.
    """

    def __init__(
        self,
        base: str,
        *,
        name: str,
        credentials: Credentials | None = None,
        lane: Callable[[str, str], str] = lambda method, path: f"{method} {path}",
        attempts: int = ATTEMPTS,
    ) -> None:
        self.name = name
        self.credentials = credentials
        self.calls: Counter[str] = Counter()
        self._counting = threading.Lock()
        self.seen: dict[str, str] = {}
        self.server_now: datetime | None = None
        self.skew_seconds = 0.0
        #: Whether the calls that may be made are used up: then none is repeated.
        self.spent: Callable[[], bool] = lambda: False
        self._lane = lane
        self._attempts = attempts
        self._at = self._place(base)
        self._left: frozenset[_Origin] = frozenset()

    def carry(self, method: str, url: str, options: Mapping[str, Any]) -> Reply:
        """Send once and give what came back, or raise Broken. Whoever has the manners has this."""
        raise NotImplementedError

    def ask(
        self,
        method: str,
        url: str,
        safe: bool,
        options: dict[str, Any],
        attempts: int | None = None,
    ) -> Reply:
        """Send one request; repeat it where that is safe, so many `attempts` in all.

        Raises Unreachable, InDoubt, Throttled, Malformed or AuthError. An answer with any other
        status is returned as it is. `safe` marks a request that changes nothing.
        """
        most = attempts or self._attempts
        retrying = tenacity.Retrying(
            stop=lambda state: state.attempt_number >= most or self.spent(),
            wait=_wait,
            retry=tenacity.retry_if_exception_type(Again),
            reraise=True,
        )
        try:
            return retrying(self._renewing, method, self.url(url), safe, options)
        except Again as last:
            if self.spent():
                raise BudgetSpent(
                    f"{last.error.message} Nothing is left of this run's share to ask again.",
                    hint="The next run goes on.",
                ) from last.error
            raise last.error from last.__cause__

    @property
    def base(self) -> str:
        """The address that paths are relative to."""
        return self._at[0]

    def move(self, base: str) -> None:
        """From now on the system is at another address; what names an old one is sent there."""
        self._left |= {self._at[1]}
        self._at = self._place(base)

    def url(self, path: str) -> str:
        """The full address of a path; an address on any other host is refused."""
        base, origin = self._at
        full = path if "://" in path else f"{base}/{path.lstrip('/')}"
        if _origin(full) in self._left:
            full = f"{base}/{full.partition('://')[2].partition('/')[2]}"
        if _origin(full) != origin:
            raise Malformed(
                f"{self.name} pointed us to another host: {_origin(full)[1]}.",
                hint="Credentials are sent to the configured host only. Check `url` in the config.",
            )
        return full

    def _place(self, base: str) -> tuple[str, _Origin]:
        """An address that credentials may be sent to, and its origin."""
        origin = _origin(base)
        if origin[0] != "https" and not _is_loopback(origin[1]):
            raise AuthError(
                f"{self.name}: {base.rstrip('/')} is not https.",
                hint="Credentials travel over https only; http is accepted for this machine alone.",
            )
        return base.rstrip("/"), origin

    def _renewing(self, method: str, url: str, safe: bool, options: dict[str, Any]) -> Reply:
        """Send once; after a 401 renew the token once and send again."""
        used = self.credentials.header() if self.credentials else ""
        answer = self._once(method, url, safe, options, used)
        if answer.status_code != 401 or self.credentials is None:
            return answer
        self.credentials.renew(used)
        used = self.credentials.header()
        answer = self._once(method, self.url(url), safe, options, used)
        if answer.status_code == 401:
            raise AuthError(
                f"{self.name} refused a token that it had just issued.",
                hint="Check that the integration user is active and may use the API.",
            )
        return answer

    def _once(
        self, method: str, url: str, safe: bool, options: dict[str, Any], authorization: str
    ) -> Reply:
        lane = self._lane("GET" if safe else method, urlsplit(url).path)
        self.admit(lane)
        with self._counting:  # several threads read at once, and no call goes uncounted
            self.calls[lane] += 1
        body = options.get("data")
        if isinstance(body, io.IOBase):
            body.seek(0)  # an earlier attempt has read the file to its end
        if authorization:
            headers = {**(options.get("headers") or {}), "Authorization": authorization}
            options = {**options, "headers": headers}
        try:
            answer = self.carry(method, url, options)
        except Broken as broken:
            raise self._unanswered(method, url, safe, broken) from broken.__cause__
        self._note(answer)
        self.judge(answer, method, url, safe)
        return answer

    def admit(self, lane: str) -> None:
        """Wait until a request of this lane may be sent; at once, unless somebody limits it."""

    def _unanswered(self, method: str, url: str, safe: bool, broken: Broken) -> Exception:
        what = f"{self.name}: {method} {_path(url)} got no answer ({broken.reason})."
        if safe or broken.unsent:
            return Again(Unreachable(what, hint=f"Is {self.base} reachable from here?"))
        return InDoubt(what, hint=READ_BACK)

    def judge(self, answer: Reply, method: str, url: str, safe: bool) -> None:
        """Raise Again for what may be repeated, and an error for what no caller can use."""
        status = answer.status_code
        # A gateway may say 503 of a write that it had passed on; only a 429 means nothing was done.
        if status == 429 or (safe and status == 503 and "Retry-After" in answer.headers):
            wait = _seconds(answer.headers.get("Retry-After"))
            raise Again(
                Throttled(
                    f"{self.name} asks us to slow down ({status}).", hint=LATER, status=status
                ),
                wait,
            )
        if status >= 500 and safe:
            raise Again(
                RemoteError(
                    f"{self.name} answered {status} to {method} {_path(url)}.",
                    hint=LATER,
                    status=status,
                )
            )
        if status >= 500:
            raise InDoubt(
                f"{self.name} answered {status} to {method} {_path(url)}.",
                hint=READ_BACK,
                status=status,
            )
        if 300 <= status < 400 and status != 304:
            raise Malformed(
                f"{self.name} redirects {_path(url)} elsewhere ({status}).",
                hint="Put the final address into `url`; credentials do not follow redirects.",
                status=status,
            )

    def _note(self, answer: Reply) -> None:
        """Remember what the server says about its clock and our allowance."""
        for header in NOTED:
            if header in answer.headers:
                self.seen[header] = answer.headers[header]
        if stamp := answer.headers.get("Date"):
            try:
                self.server_now = parsedate_to_datetime(stamp).astimezone(UTC)
            except ValueError:
                return
            self.skew_seconds = (self.server_now - datetime.now(UTC)).total_seconds()


class Session(Polite[requests.Response], requests.Session):
    """A pool of connections to one host, as a `requests.Session`."""

    def __init__(self, base: str, **manners: Any) -> None:
        requests.Session.__init__(self)
        Polite.__init__(self, base, **manners)
        # Without an `auth` of our own the library takes one from ~/.netrc, over our header.
        self.auth = _as_it_is

    # The signature is wider than ours: libraries call it by position and by name.
    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Send one request as `Polite.ask` does; `idempotent=True` marks a POST that changes
        nothing."""
        method = str(method).upper()
        safe = bool(options.pop("idempotent", method in READS))
        options.setdefault("timeout", (CONNECT_SECONDS, ANSWER_SECONDS))
        options |= {"allow_redirects": False, **dict(zip(_POSITIONS, args, strict=False))}
        return Polite.ask(self, method, str(url), safe, options)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """One request and its JSON body; a status of 400 or more is a RemoteError."""
        answer = self.request(method, path, **options)
        if answer.status_code >= 400:
            raise RemoteError(
                f"{self.name} answered {answer.status_code} to {method} {_path(path)}.",
                hint="Run again; -vv shows every call.",
                status=answer.status_code,
            )
        return body_of(answer, self.name)

    def carry(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        """Send once by requests."""
        try:
            return _told(requests.Session.request(self, method, url, **options))
        except requests.RequestException as error:
            unsent = isinstance(error, requests.ConnectTimeout) or "NewConnection" in repr(error)
            raise Broken(_reason(error), unsent=unsent) from error


def body_of(answer: Answer, name: str) -> Any:
    """The JSON body of an answer. Login pages and maintenance notices are not JSON."""
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
        raise Malformed(
            f"{name} answered {answer.status_code} with {kind} where JSON was promised.",
            hint="Often a proxy, a login page or maintenance: open the address in a browser.",
            status=answer.status_code,
        ) from error


_backoff = tenacity.wait_random_exponential(multiplier=0.2, max=20)


def _wait(state: tenacity.RetryCallState) -> float:
    """As long as the server asked for, else a random exponential back-off."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Again) and error.wait is not None:
        if error.wait > LONGEST_WAIT:
            raise error.error
        return error.wait
    return float(_backoff(state))


def _told(answer: requests.Response) -> requests.Response:
    """The answer; what an error says is read to its end, or a stream would keep its connection."""
    if answer.status_code >= 400:
        len(answer.content)
    return answer


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None


def _origin(url: str) -> _Origin:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, and only one of them is sure to be this machine
        return host == "localhost"


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign nothing: the Authorization header is already there."""
    return request


def _path(url: str) -> str:
    """The path alone: query strings may carry what does not belong into a message."""
    return urlsplit(url).path or url.partition("?")[0]


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.ConnectionError):
        return "the connection was cut or refused"
    return type(error).__name__
