"""The sandbox's own controls, under `/_sandbox/`: look inside, turn the clock, play people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .clock import duration, stamp
from .faults import Faults
from .hubspot import auth as hubspot_auth
from .hubspot import people as hubspot_people
from .org_controls import CONTROLS, Control
from .salesforce import (
    archive,
    auth,
    bulk,
    grants,
    limits,
    object_access,
    people,
    recycle,
    security,
    writes,
)
from .salesforce.errors import Refusal
from .store import Store, quoted
from .traffic import Traffic

ROOT = "/_sandbox"


@dataclass(frozen=True, slots=True)
class Controls:
    """What the controls turn and look at."""

    store: Store
    faults: Faults
    traffic: Traffic
    #: What a client of each other platform needs to sign in.
    platforms: Mapping[str, Callable[[Store, str], Any]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Every control."""
        return [
            self._route("GET", "health", lambda _: {"ok": True}),
            self._route("GET", "stats", self.stats),
            self._route("POST", "reset-stats", self.reset_stats),
            self._route("GET", "writes", self.writes),
            self._route("GET", "values", self.values),
            self._route("GET", "clock", self.clock),
            self._route("POST", "clock", self.turn_clock),
            self._route("GET", "faults", lambda _: self.faults.told()),
            self._route("POST", "faults", lambda call: {"faults": self.faults.post(call.json())}),
            self._route("DELETE", "faults", self.clear_faults),
            self._route("POST", "people", self.people),
            self._route("GET", "credentials", self.credentials),
            self._route("POST", "expire-tokens", self.expire_tokens),
            self._route("POST", "session", self.session),
            self._route("GET", "oauth", lambda _: grants.told(self.store)),
            self._route("POST", "oauth", lambda ask: grants.change(self.store, ask.json())),
            self._route("POST", "fls", self.field_security),
            self._route("POST", "rights", self.rights),
            self._route("POST", "limits", self.limits),
            self._route("GET", "bulk", lambda _: bulk.set_pace(self.store, {})),
            self._route("POST", "bulk", lambda ask: bulk.set_pace(self.store, ask.json())),
            self._route("POST", "validation-rules", self.validation_rules),
            *(self._route(method, name, self._of_org(does)) for method, name, does in CONTROLS),
        ]

    def stats(self, _: Ask) -> dict[str, Any]:
        """Requests by route, and rows written by object, since the last reset."""
        since = self.store.get("writes_since") or 0
        writes_ = writes.written(self.store, since=since)
        return {"routes": self.traffic.told(), "writes": writes_}

    def reset_stats(self, _: Ask) -> dict[str, Any]:
        """Begins to count anew; the log of writes stays."""
        self.traffic.reset()
        last = self.store.db.execute("select ifnull(max(number), 0) from write_log").fetchone()
        self.store.put("writes_since", last[0])
        return {"ok": True}

    def writes(self, ask: Ask) -> list[dict[str, Any]]:
        """Every row written through the API: when, what, by whom."""
        rows = self.store.db.execute(
            "select at, object, id, fields, user from write_log"
            " where (?1 = '' or object = ?1) and at >= ?2 order by number",
            (ask.query("object"), ask.query("since")),
        )
        return [
            {"at": at, "object": name, "id": id_, "fields": orjson.loads(fields), "user": user}
            for at, name, id_, fields, user in rows
        ]

    def values(self, ask: Ask) -> dict[str, dict[str, Any]]:
        """What the records that are not deleted hold now, whoever may see it."""
        if _crm(ask.query("crm", "salesforce")) == "hubspot":
            return hubspot_people.values(self.store, ask.query("object"), ask.query("fields"))
        name = ask.query("object")
        if name not in self.store.objects():
            raise ValueError(f"there is no object {name!r}")
        fields = self.store.fields(name)
        asked = [each for each in ask.query("fields").split(",") if each] or list(fields)
        if unknown := [each for each in asked if each not in fields]:
            raise ValueError(f"{name} has no field {', '.join(unknown)}")
        columns = ", ".join(map(quoted, asked))
        source = self.store.source(name)
        rows = self.store.db.execute(f"select Id, {columns} from {source} where IsDeleted = 0")
        flags = {each for each in asked if fields[each].type == "boolean"}
        return {
            row[0]: {
                each: bool(value) if each in flags and value is not None else value
                for each, value in zip(asked, row[1:], strict=True)
            }
            for row in rows
        }

    def clock(self, _: Ask) -> dict[str, str]:
        """The sandbox's time."""
        return {"now": stamp(self.store.clock.now())}

    def turn_clock(self, ask: Ask) -> dict[str, str]:
        """Leaps forward: `{"advance": "40d"}`."""
        now = self.store.clock.advance(duration(str(ask.json()["advance"])))
        archive.sweep(self.store)
        recycle.empty(self.store)
        return {"now": stamp(now)}

    def clear_faults(self, _: Ask) -> dict[str, Any]:
        """Nothing goes wrong any more."""
        self.faults.clear()
        return {"faults": 0}

    def people(self, ask: Ask) -> dict[str, str]:
        """A person does something to a record."""
        if _crm(ask.json().get("crm", "salesforce")) == "hubspot":
            return {"id": hubspot_people.act(self.store, ask.json())}
        return {"id": people.act(self.store, ask.json())}

    def credentials(self, ask: Ask) -> dict[str, Any]:
        """What a client needs to sign in."""
        base = f"http://{ask.request.headers.get('host', '127.0.0.1')}"
        return {
            "salesforce": {"login_url": base, **self.store.get("salesforce_app")},
            "hubspot": hubspot_auth.credentials(self.store, base),
            **{name: told(self.store, base) for name, told in self.platforms.items()},
        }

    def expire_tokens(self, _: Ask) -> dict[str, int]:
        """Ends every session."""
        return {"expired": auth.expire_all(self.store)}

    def session(self, ask: Ask) -> dict[str, int]:
        """Sets how long a session lives without being used."""
        seconds = int(ask.json()["seconds"])
        self.store.put("session_seconds", seconds)
        return {"seconds": seconds}

    def field_security(self, ask: Ask) -> dict[str, Any]:
        """Shows or hides a field, or a whole object; sets that said otherwise lose it."""
        wanted = ask.json()
        if "field" not in wanted:
            return self.object_security(wanted)
        name, field = str(wanted["object"]), str(wanted["field"])
        if name not in self.store.objects() or field not in self.store.fields(name):
            raise ValueError(f"there is no field {name}.{field}")
        read = bool(wanted.get("read", True))
        edit = bool(wanted.get("edit", read))
        security.withdraw(self.store, name, field)
        security.guard(self.store, name, field, read=read, edit=edit)
        return {"object": name, "field": field, "read": read, "edit": edit}

    def object_security(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Opens or closes an object: `{"object": "Case", "read": false}`."""
        name = str(wanted["object"])
        read = bool(wanted.get("read", True))
        edit = bool(wanted.get("edit", read))
        object_access.guard(self.store, name, read=read, edit=edit)
        security.moved(self.store)
        return {"object": name, "read": read, "edit": edit}

    def rights(self, ask: Ask) -> dict[str, Any]:
        """Gives or takes rights of the user: `{"CustomizeApplication": false}`."""
        rights = {**(self.store.get("rights") or {}), **ask.json()}
        self.store.put("rights", rights)
        return rights

    def limits(self, ask: Ask) -> dict[str, Any]:
        """Sets limits: `{"DailyApiRequests": {"max": 15000, "used": 14990}}`."""
        limits.change(self.store, ask.json())
        return limits.current(self.store)

    def validation_rules(self, ask: Ask) -> dict[str, int]:
        """Replaces all rules: a list of `{"object", "when", "message"}`; `when` is SQL."""
        rules = ask.json()
        if not isinstance(rules, list):
            raise TypeError('validation rules are a list of {"object", "when", "message"}')
        writes.set_rules(self.store, rules)
        return {"rules": len(rules)}

    def _of_org(self, does: Control) -> Callable[[Ask], Any]:
        return lambda ask: does(self.store, ask.json(), ask.base)

    def _route(self, method: str, name: str, control: Callable[[Ask], Any]) -> Route:
        def answered(request: Request, body: bytes) -> Response:
            try:
                with self.store.lock:
                    answer = control(Ask(request, body))
            except (ValueError, KeyError, TypeError) as error:
                said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                return _json({"error": said}, status=400)
            except Refusal as refusal:
                return _json({"error": refusal.message, "code": refusal.code}, status=400)
            return _json(answer)

        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(answered, request, await request.body())

        return Route(f"{ROOT}/{name}", endpoint, methods=[method])


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a control."""

    request: Request
    body: bytes

    @property
    def base(self) -> str:
        """The address of the sandbox as the caller knows it."""
        return f"http://{self.request.headers.get('host', '127.0.0.1')}"

    def query(self, name: str, default: str = "") -> str:
        """What follows the question mark under this name."""
        return self.request.query_params.get(name, default)

    def json(self) -> Any:
        """The body."""
        return orjson.loads(self.body or b"{}")


def _crm(name: object) -> str:
    if name not in ("salesforce", "hubspot"):
        raise ValueError(f"crm is salesforce or hubspot, not {name!r}")
    return str(name)


def _json(body: Any, *, status: int = 200) -> Response:
    headers = {"Content-Type": "application/json"}
    return Response(orjson.dumps(body), status_code=status, headers=headers)
