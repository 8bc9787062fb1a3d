"""Ways into Salesforce; the traps are named after the complaints about other connectors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from connector import http
from connector.crm.salesforce import Crm, access, browser, kept, refusals
from connector.crm.salesforce.auth import Browser, Login
from connector.crm.salesforce.flows import WITHDRAWN
from connector.crm.salesforce.tokens import TokenHost
from connector.errors import AuthError, ConfigError, InDoubt, Malformed, RemoteError, Throttled
from connector.login import loopback
from connector.secrets import Secret, Vault

from .. import ports
from ..conftest import Answer
from .conftest import Org


@dataclass
class Person:
    """Somebody at a browser, and the login they give."""

    org: Org
    auth: Browser

    def log_in(self, **changes: Any) -> None:
        """Allow it, as the sandbox does when nobody is to be asked."""
        auth = replace(self.auth, **changes)
        browser.log_in(TokenHost(self.org.url), auth, visit, patience=20)

    def crm(self, **settings: Any) -> Crm:
        """An adapter such as each run makes anew."""
        return Crm(auth=self.auth, **{"login_url": self.org.url, **settings})

    def login(self) -> Login:
        return Login(self.org.url, self.auth)

    @property
    def kept(self) -> kept.Kept:
        """What is kept of the login now."""
        return kept.open_kept(self.auth.refresh_token, self.auth.client_id)

    def grants(self) -> list[dict[str, Any]]:
        """What Salesforce knows of the login."""
        return list(self.org.control("oauth")["grants"])


def visit(address: str, headers: dict[str, str] | None = None) -> threading.Thread:
    """Open an address in a browser of our own, while the login waits."""
    thread = threading.Thread(target=requests.get, args=(address,), kwargs={"headers": headers})
    thread.start()
    return thread


@pytest.fixture
def port() -> int:
    """A port of this machine where nobody listens."""
    return ports.free()


@pytest.fixture
def person(org: Org, port: int) -> Person:
    """Nobody has logged in yet; the sandbox allows it without asking."""
    callback = f"http://localhost:{port}/callback"
    org.control("oauth", {"consent": "auto", "callbacks": [callback]})
    (org.folder / "client").write_text(org.credentials["client_secret"])
    auth = Browser(
        client_id=org.credentials["client_id"],
        client_secret=Secret(f"file:{org.folder / 'client'}"),
        refresh_token=Vault(f"file:{org.folder / 'login'}"),
        callback=callback,
    )
    return Person(org, auth)


@pytest.fixture
def logged_in(person: Person) -> Person:
    """Somebody has logged in."""
    person.log_in()
    return person


# ── complaints about other connectors ─────────────────────────────────────────────────────────


def test_tap_salesforce_223_the_second_run_does_not_die_of_a_rotated_token(logged_in):
    """Each of three runs uses the token that the run before it was given."""
    for generation in (2, 3, 4):
        logged_in.org.control("expire-tokens", {})
        assert logged_in.crm().check().id == logged_in.org.credentials["org_id"]
        assert logged_in.kept.generation == generation


def test_airbyte_80783_the_new_token_is_kept_before_it_is_used(logged_in, monkeypatch):
    """When the access token goes out for the first time, its refresh token is on the disk."""
    logged_in.org.control("expire-tokens", {})
    old, sent = logged_in.kept.token, []
    once = http.Session._once

    def watched(self, method, url, safe, options, authorization):
        if authorization and old.access not in authorization:
            now = logged_in.kept.token
            sent.append((authorization == f"Bearer {now.access}", now.refresh != old.refresh))
        return once(self, method, url, safe, options, authorization)

    monkeypatch.setattr(http.Session, "_once", watched)
    logged_in.crm().check()
    assert set(sent) == {(True, True)}


def test_airbyte_82783_runs_side_by_side_do_not_kill_the_grant(logged_in):
    """Three processes renew as often as they like: no refresh token is shown twice."""
    auth, org = logged_in.auth, logged_in.org
    code = (
        "import sys, requests\n"
        "from connector.crm.salesforce.auth import Browser, Login\n"
        "from connector.secrets import Secret, Vault\n"
        "url, id, secret, login, callback = sys.argv[1:]\n"
        "auth = Browser(id, Vault(login), client_secret=Secret(secret), callback=callback)\n"
        "for turn in range(4):\n"
        "    one = Login(url, auth)\n"
        "    one.renew(one.header())\n"
        "    print(requests.get(url + '/services/oauth2/userinfo', timeout=60,\n"
        "          headers={'Authorization': one.header()}).status_code)\n"
    )
    line = [sys.executable, "-c", code, org.url, auth.client_id, auth.client_secret.reference]
    line += [auth.refresh_token.reference, auth.callback]
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[0].split() for process in running]
    assert said == [["200"] * 4] * 3
    assert [grant["ended"] for grant in logged_in.grants()] == [None]
    assert logged_in.kept.generation == logged_in.grants()[0]["rotations"] + 1


def test_airbyte_82783_a_token_that_another_process_has_just_got_is_taken(logged_in):
    """The slower of two that failed on the same token asks for none."""
    slow, quick = logged_in.login(), logged_in.login()
    stale = slow.header()
    quick.renew(quick.header())
    slow.renew(stale)
    assert slow.header() == quick.header()
    assert (slow.calls["login"], quick.calls["login"]) == (0, 1)


def test_an_old_token_of_another_process_is_not_trusted(logged_in, monkeypatch):
    """What was got hours ago has probably ended: it is renewed instead of tried."""
    slow, quick = logged_in.login(), logged_in.login()
    stale = slow.header()
    quick.renew(quick.header())
    monkeypatch.setattr(kept, "YOUNG", 0.0)
    slow.renew(stale)
    assert slow.header() not in (stale, quick.header())


@pytest.mark.parametrize("flow", ["jwt", "browser"])
def test_tap_salesforce_222_a_long_read_survives_the_end_of_its_token(logged_in, flow):
    """simple-salesforce#619: the header is made for each request, so each page may renew it."""
    crm = logged_in.crm() if flow == "browser" else logged_in.org.crm
    crm.check()
    for _ in range(3):
        logged_in.org.control("expire-tokens", {})
        assert crm.counts(["Account"])["Account"] == 20


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"flow": "password", "client_id": "c", "username": "u"}, "withdrawing"),
        ({"flow": "soap", "username": "u"}, "gone from API version 65"),
        ({"flow": "device", "client_id": "c"}, "blocks the device flow"),
        ({"username": "u", "password": "geheim!", "security_token": "t0ken"}, "withdrawing"),
    ],
)
def test_jsforce_1771_logins_that_salesforce_withdraws_are_refused_with_the_reason(table, said):
    """simple-salesforce#805: said when the configuration is read, with what to use instead."""
    from connector.mapping.document import parse_data, scan

    crm, problems = parse_data({"auth": table}, scan(""), "config.toml", Crm)
    told = "\n".join(each.what for each in problems)
    assert crm is None
    assert said in told
    assert "jwt" in told
    assert "geheim!" not in told
    assert "t0ken" not in told


def test_every_withdrawn_flow_says_what_to_use_instead():
    """An explanation that ends in a way out."""
    assert all("jwt" in text and "browser" in text for text in WITHDRAWN.values())


def test_simple_salesforce_672_the_audience_is_not_the_token_host(org):
    """`aud` stays login.salesforce.com when the request goes to a My Domain."""
    assert Crm(auth=org.jwt(), login_url=org.url).check().id == org.credentials["org_id"]
    wrong = Crm(auth=org.jwt(audience="https://acme.my.salesforce.com"), login_url=org.url)
    with pytest.raises(AuthError, match="audience is invalid") as refused:
        wrong.check()
    assert "also when `login_url` is a My Domain" in refused.value.hint


# ── three addresses: token host, audience, instance ───────────────────────────────────────────


def test_data_is_asked_for_at_the_instance_and_not_at_the_token_host(org):
    """The token says where the data is."""
    instance = org.url.replace("127.0.0.1", "localhost")
    org.control("oauth", {"instance": instance})
    crm = org.another()
    assert crm.check().url == instance


def test_an_org_that_moves_during_a_run_is_followed(org):
    """The instance is told with every token; the request that failed goes to the new one."""
    crm = org.another()
    assert crm.check().url == org.url
    elsewhere = org.url.replace("127.0.0.1", "localhost")
    org.control("oauth", {"instance": elsewhere})
    org.control("expire-tokens", {})
    assert crm.counts(["Account"])["Account"] == 20
    assert crm.check().url == elsewhere


def test_an_access_token_may_be_a_long_jwt(org):
    """More than a kilobyte, with dots in it and without the shape of a session id."""
    org.control("oauth", {"tokens": "jwt"})
    login = Login(org.url, org.jwt())
    assert len(login.header()) > 1_024
    assert org.another().check().id == org.credentials["org_id"]


def test_client_credentials_at_the_login_host_say_that_they_need_the_my_domain(org):
    """The commonest mistake of that flow has its own hint."""
    org.control("oauth", {"host": "login"})
    with pytest.raises(AuthError, match="not supported on this domain") as refused:
        Crm(auth=org.client(), login_url=org.url).check()
    assert "My Domain" in refused.value.hint


# ── one login per token ───────────────────────────────────────────────────────────────────────


def test_many_threads_that_fail_at_once_renew_once(logged_in):
    """With rotation a second attempt would cost the grant."""
    crm = logged_in.crm()
    crm.check()
    logged_in.org.control("expire-tokens", {})
    threads = [threading.Thread(target=crm.counts, args=(["Account"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crm.calls()["login"] == 1
    assert logged_in.kept.generation == 2


def test_a_second_401_is_the_last(org):
    """A token that is refused as soon as it is issued is not asked for again and again."""
    crm = org.another()
    crm.check()
    before = crm.calls()["login"]
    unauthorised = {"status": 401, "body": [{"errorCode": "INVALID_SESSION_ID", "message": "no"}]}
    org.control("faults", [{"match": {"path_regex": "recordCount"}, "do": unauthorised}])
    with pytest.raises(AuthError, match="just issued"):
        crm.counts(["Account"])
    assert crm.calls()["login"] - before == 2  # one look at the clock, one token


def test_threads_that_wait_for_a_login_that_is_refused_do_not_try_it_again(org):
    """Eight threads, one refusal, told to all."""
    crm = org.another()
    crm.check()
    org.control("expire-tokens", {})
    org.control("oauth", {"installed": False})
    before, told = crm.calls()["login"], []

    def count() -> None:
        try:
            crm.counts(["Account"])
        except AuthError as error:
            told.append(error.message)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 8
    assert crm.calls()["login"] - before == 2


def test_a_login_that_becomes_one_to_another_org_ends_the_run(logged_in):
    """Somebody has logged in elsewhere meanwhile: nothing of this run goes there."""
    login = logged_in.login()
    stale = login.header()
    other = replace(logged_in.kept.token, access="x", identity="https://h/id/00DOTHER/005")
    kept.begin(logged_in.auth.refresh_token, logged_in.auth.client_id, other)
    with pytest.raises(AuthError, match="another org"):
        login.renew(stale)
    assert login.header() == stale


# ── the refresh token ─────────────────────────────────────────────────────────────────────────


def test_without_rotation_the_refresh_token_stays(logged_in):
    """An answer without a new one means that the old one is still good."""
    logged_in.org.control("oauth", {"rotation": False})
    before = logged_in.kept.token.refresh
    for _ in range(2):
        logged_in.org.control("expire-tokens", {})
        logged_in.crm().check()
    assert (logged_in.kept.token.refresh, logged_in.kept.generation) == (before, 3)


class _Killed(BaseException):
    """The process dies here."""


def _die_after_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Salesforce answer a renewal, and the process die before it can keep the answer."""
    answered = TokenHost.token

    def token(self, form, *, repeatable):
        answered(self, form, repeatable=repeatable)
        raise _Killed

    monkeypatch.setattr(TokenHost, "token", token)


def test_after_a_crash_between_answer_and_keeping_the_old_token_is_not_shown_again(
    logged_in, monkeypatch
):
    """What became of it is asked, not tried; the grant is not revoked for reuse."""
    login = logged_in.login()
    with monkeypatch.context() as crash:
        _die_after_the_answer(crash)
        with pytest.raises(_Killed):
            login.renew(login.header())
    again = logged_in.login()
    for _ in range(2):
        with pytest.raises(AuthError) as told:
            again.renew(again.header())
        assert told.value.hint == refusals.LOGIN_AGAIN
        again = logged_in.login()
    assert [grant["ended"] for grant in logged_in.grants()] == [None]


def test_after_a_crash_before_the_request_arrived_the_token_is_used(logged_in, monkeypatch):
    """Salesforce says that it is alive: nobody has to log in again."""
    login = logged_in.login()
    with monkeypatch.context() as crash:
        crash.setattr(TokenHost, "token", lambda *_, **__: (_ for _ in ()).throw(_Killed))
        with pytest.raises(_Killed):
            login.renew(login.header())
    assert logged_in.kept.sent
    again = logged_in.login()
    again.renew(again.header())
    assert (logged_in.kept.sent, logged_in.kept.generation) == (False, 2)


def test_a_renewal_whose_answer_is_lost_on_the_way_is_not_repeated(logged_in):
    """The line is cut after Salesforce rotated: in doubt, then settled by asking."""
    cut = {"match": {"path_regex": "oauth2/token", "nth": 1}, "do": {"drop": "after"}}
    logged_in.org.control("faults", [cut])
    login = logged_in.login()
    with pytest.raises(InDoubt, match="got no answer") as doubt:
        login.renew(login.header())
    assert "looked up" in doubt.value.hint
    with pytest.raises(AuthError, match="interrupted"):
        login.renew(login.header())
    assert [grant["ended"] for grant in logged_in.grants()] == [None]


def test_an_app_that_may_not_ask_about_tokens_logs_in_anew_after_a_crash(logged_in, monkeypatch):
    """Where nothing can be found out nothing is risked."""
    kept.keep(logged_in.auth.refresh_token, replace(logged_in.kept, sent=True))
    no = {"status": 401, "body": {"error": "invalid_client", "error_description": "no"}}
    logged_in.org.control("faults", [{"match": {"path_regex": "introspect"}, "do": no}])
    login = logged_in.login()
    with pytest.raises(AuthError, match="could cost the whole grant"):
        login.renew(login.header())
    assert logged_in.grants()[0]["rotations"] == 0


def test_a_refusal_that_time_heals_leaves_the_token_ready(logged_in):
    """Too many logins this hour: the next run shows the same token, which nobody has seen."""
    slow = {"error": "rate_limit_exceeded", "error_description": "login rate exceeded"}
    fault = {"match": {"path_regex": "oauth2/token"}, "do": {"status": 400, "body": slow}}
    logged_in.org.control("faults", [{**fault, "times": 1}])
    login = logged_in.login()
    with pytest.raises(Throttled, match="no more logins"):
        login.renew(login.header())
    assert not logged_in.kept.sent
    login.renew(login.header())
    assert logged_in.kept.generation == 2


def test_a_refresh_token_that_has_died_is_forgotten(logged_in):
    """Not used for 30 days: said once with a hint, and never shown again."""
    login = logged_in.login()
    logged_in.org.control("clock", {"advance": "31d"})
    with pytest.raises(AuthError, match="expired access/refresh token") as dead:
        login.renew(login.header())
    assert "30 days" in dead.value.hint
    assert logged_in.kept.token.refresh == ""
    again = logged_in.login()
    with pytest.raises(AuthError, match="has ended"):
        again.renew(again.header())


def test_nothing_is_asked_of_a_place_that_cannot_be_written(logged_in, monkeypatch):
    """A disk that is full shows itself before the refresh token is used up."""
    login = logged_in.login()

    def full(*_: object) -> None:
        raise ConfigError("The disk is full.")

    monkeypatch.setattr(Vault, "write", full)
    with pytest.raises(ConfigError, match="full"):
        login.renew(login.header())
    assert logged_in.grants()[0]["rotations"] == 0


def test_nobody_being_logged_in_is_said_so(person):
    """With the place that is empty, and the command that fills it."""
    with pytest.raises(AuthError, match="Nobody is logged in") as nobody:
        person.crm().check()
    assert nobody.value.hint == refusals.LOGIN_AGAIN


def test_a_login_of_another_app_is_not_used(logged_in):
    """Its refresh token would be refused, and might be revoked."""
    auth = replace(logged_in.auth, client_id="another")
    with pytest.raises(AuthError, match="another app"):
        Login(logged_in.org.url, auth).header()


def test_a_place_that_holds_something_else_is_left_alone(person):
    """It is told apart from a login, and not shown."""
    person.auth.refresh_token.write("some password")
    with pytest.raises(ConfigError, match="something else") as wrong:
        person.crm().check()
    assert "some password" not in f"{wrong.value.message}{wrong.value.hint}"


def test_tokens_do_not_print_themselves(logged_in):
    """Neither in a log nor in a traceback with values."""
    shown = repr(logged_in.kept)
    assert logged_in.kept.token.refresh not in shown
    assert logged_in.kept.token.access not in shown


# ── the browser ───────────────────────────────────────────────────────────────────────────────


def test_a_person_logs_in_once_and_runs_go_on_without_them(person):
    """Code, challenge and callback fit; the login is kept for its owner alone."""
    person.log_in()
    assert person.crm().check().id == person.org.credentials["org_id"]
    assert os.stat(person.org.folder / "login").st_mode & 0o777 == 0o600


def test_a_public_app_sends_no_secret(person):
    """Salesforce refuses a public client that shows one."""
    person.org.control("oauth", {"client": "public"})
    person.log_in(client_secret=None)
    with pytest.raises(AuthError, match="invalid_client") as refused:
        person.log_in()
    assert "no secret" in refused.value.hint


def test_an_answer_with_another_state_is_not_taken(person):
    """Whoever else sends a code to this machine does not log us in as somebody else."""
    foreign: list[int] = []

    def attacked(address: str) -> None:
        forged = f"{person.auth.callback}?{urlencode({'code': 'theirs', 'state': 'guessed'})}"
        foreign.append(requests.get(forged, timeout=10).status_code)
        visit(address)

    browser.log_in(TokenHost(person.org.url), person.auth, attacked, patience=20)
    assert foreign == [400]
    assert person.crm().check()


def test_the_challenge_is_the_hash_of_a_secret_that_does_not_travel(person):
    """S256, a state of its own each time, and the scopes that are needed and no more."""
    asked: list[dict[str, str]] = []

    def note(address: str) -> None:
        asked.append(dict(parse_qsl(urlsplit(address).query)))
        visit(address)

    for _ in range(2):
        browser.log_in(TokenHost(person.org.url), person.auth, note, patience=20)
    one, two = asked
    assert (one["code_challenge_method"], one["scope"]) == ("S256", "api id refresh_token")
    assert "code_verifier" not in one
    assert one["state"] != two["state"]
    assert one["code_challenge"] != two["code_challenge"]


def test_a_person_who_denies_it_is_told_apart(person):
    """Salesforce's answer comes back to the terminal as an error with a hint."""
    person.org.control("oauth", {"consent": "deny"})
    with pytest.raises(AuthError, match="access_denied") as denied:
        person.log_in()
    assert "Deny" in denied.value.hint


def test_nobody_coming_back_ends_with_what_may_have_happened(person):
    """Salesforce shows some errors in the browser only; those are named."""
    with pytest.raises(AuthError, match="within 0 seconds") as late:
        browser.log_in(TokenHost(person.org.url), person.auth, lambda _: None, patience=0.05)
    assert "redirect_uri_mismatch" in late.value.hint
    assert "must be installed" in late.value.hint


def test_a_port_that_is_taken_is_said_before_anybody_is_asked(person, port):
    """No address is shown that could not come back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(ConfigError, match=f"Port {port}"):
            browser.log_in(TokenHost(person.org.url), person.auth, pytest.fail, patience=1)


def test_a_browser_that_connects_and_says_nothing_does_not_block_the_login(person, port):
    """Browsers open connections ahead of time."""

    def show(address: str) -> None:
        silent.connect(("127.0.0.1", port))
        visit(address)

    with socket.socket() as silent:
        browser.log_in(TokenHost(person.org.url), person.auth, show, patience=20)
    assert person.crm().check()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.2, de;q=0.9", "de"),
        ("en-GB", "en"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("de;q=0, *", "en"),
        ("", "en"),
    ],
)
def test_the_page_speaks_the_language_that_the_browser_likes_best(accepted, language):
    """German or English; English for whoever wants neither."""
    assert loopback.language_of(accepted) == language


def test_the_page_says_that_one_may_close_it(person):
    """In German for a German browser, and not to be stored: its address holds the code."""
    shown: list[requests.Response] = []

    def show(address: str) -> None:
        def read() -> None:
            shown.append(requests.get(address, headers={"Accept-Language": "de"}, timeout=20))

        threads.append(threading.Thread(target=read))
        threads[0].start()

    threads: list[threading.Thread] = []
    browser.log_in(TokenHost(person.org.url), person.auth, show, patience=20)
    threads[0].join()
    assert "Sie können diese Seite schließen" in shown[0].text
    assert shown[0].headers["Cache-Control"] == "no-store"


def test_an_app_without_the_scope_for_refreshing_is_refused(person, monkeypatch):
    """A login that ends with the session would fail at night."""
    monkeypatch.setattr(browser, "SCOPES", "api id")
    with pytest.raises(AuthError, match="no refresh token"):
        person.log_in()
    assert person.auth.refresh_token.read() == ""


@pytest.mark.parametrize(
    "callback", ["https://localhost:1/x", "http://example.com:1/x", "http://localhost/x"]
)
def test_a_callback_that_is_not_this_machine_is_refused(callback):
    """The code would go elsewhere, or to no port."""
    with pytest.raises(ValueError, match="address of this machine"):
        Browser("c", Vault("file:x"), callback=callback)


# ── what Salesforce says no with ──────────────────────────────────────────────────────────────

REFUSED = [
    ("invalid_grant", "expired access/refresh token", "connector auth login"),
    ("invalid_grant", "token validity expired", "dated"),
    ("invalid_grant", "user hasn't approved this consumer", "pre-authorised"),
    ("invalid_grant", "invalid assertion", "certificate"),
    ("invalid_grant", "audience is invalid", "https://test.salesforce.com"),
    ("invalid_grant", "expired authorization code", "15 minutes"),
    ("invalid_grant", "authentication failure", "login history"),
    ("invalid_grant", "ip restricted", "IP restrictions"),
    ("invalid_grant", "user is not admin approved to access this app", "pre-authorised"),
    ("invalid_grant", "request not supported on this domain", "My Domain"),
    ("invalid_grant", "no client credentials user enabled", "Run As"),
    ("invalid_grant", "something new", "active"),
    ("invalid_client_id", "client identifier invalid", "consumer key"),
    ("invalid_client", "invalid client credentials", "client_secret"),
    ("invalid_client", "app must be installed into org", "Install"),
    ("invalid_request", "invalid code verifier", "proof key"),
    ("invalid_request", "something", "OAuth settings"),
    ("invalid_scope", "not allowed", "refresh_token"),
    ("unsupported_grant_type", "grant type not supported", "Enable this flow"),
    ("inactive_user", "user is inactive", "Activate"),
    ("inactive_org", "organization is locked", "org"),
    ("redirect_uri_mismatch", "redirect_uri must match configuration", "letter for letter"),
    ("OAUTH_APP_ACCESS_DENIED", "", "pre-authorised"),
    ("OAUTH_APP_BLOCKED", "", "blocked"),
    ("OAUTH_APPROVAL_ERROR_GENERIC", "", "installed"),
    ("access_denied", "end-user denied authorization", "Deny"),
]


@pytest.mark.parametrize(("code", "description", "hint"), REFUSED)
def test_every_refusal_says_what_to_do(org, scripted, code, description, hint):
    """Exit code 7, Salesforce's own words, and where to click."""
    body = json.dumps({"error": code, "error_description": description}).encode()
    script = scripted(Answer(), Answer(400, body))
    with pytest.raises(AuthError) as refused:
        Login(script.url, org.jwt()).header()
    assert code in refused.value.message
    assert description in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("code", ["API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"])
def test_an_org_without_api_is_told_from_a_wrong_login(org, scripted, code):
    """The login host answers in the shape of the API then."""
    script = scripted(Answer(), Answer(403, json.dumps([{"errorCode": code}]).encode()))
    with pytest.raises(AuthError, match=code) as refused:
        Login(script.url, org.jwt()).header()
    assert "Check [crm.auth]" not in refused.value.hint


@pytest.mark.parametrize("description", ["login rate exceeded", ""])
def test_too_many_logins_an_hour_are_not_a_wrong_login(org, scripted, description):
    """It fails with 1, not with 7: nobody has to change anything."""
    body = json.dumps({"error": "rate_limit_exceeded", "error_description": description}).encode()
    script = scripted(Answer(), Answer(400, body))
    with pytest.raises(Throttled) as later:
        Login(script.url, org.jwt()).header()
    assert "3,600 times an hour" in later.value.hint


@pytest.mark.parametrize("status", [200, 302, 403, 503])
def test_a_page_for_people_at_the_token_host_is_explained(org, scripted, monkeypatch, status):
    """Maintenance and single sign-on answer with HTML, and with any status."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.0)
    page = Answer(status, b"<html>We are down for maintenance", {"Content-Type": "text/html"})
    script = scripted(Answer(), page)
    with pytest.raises(RemoteError) as down:
        Login(script.url, org.jwt()).header()
    assert isinstance(down.value, Malformed) or status == 503
    assert "maintenance" in down.value.hint
    assert "login_url" in down.value.hint


def test_an_answer_without_a_token_is_not_taken_for_one(org, scripted):
    """JSON alone is not enough."""
    with pytest.raises(Malformed, match="without a token"):
        Login(scripted(Answer(), Answer(200, b'{"ok": true}')).url, org.jwt()).header()


def test_a_refusal_shows_no_secret(org):
    """Neither the key nor the assertion nor the client's secret is in the message."""
    with pytest.raises(AuthError) as refused:
        Crm(auth=replace(org.client(), client_id="x"), login_url=org.url).check()
    assert org.credentials["client_secret"] not in f"{refused.value.message}{refused.value.hint}"


# ── who, where, until when ────────────────────────────────────────────────────────────────────


def test_status_says_who_where_and_with_which_scopes(org):
    """From the records of the org itself, with the scope `api` alone."""
    found = access.status(org.another())
    assert (found.username, found.name) == (org.credentials["username"], "Integration User")
    assert (found.org, found.org_name) == (org.credentials["org_id"], "Sandbox GmbH")
    assert found.sandbox is True
    assert set(found.scopes) == {"api", "refresh_token", "id"}


def test_the_end_of_an_opaque_token_is_asked_for_where_the_app_may(logged_in):
    """Two hours by the sandbox's clock; a JWT app has no secret to ask with."""
    found = access.status(logged_in.crm())
    assert found.expires_at is not None
    assert found.expires_at.strftime("%H") == "10"
    assert access.status(logged_in.org.another()).expires_at is None


def test_the_end_of_a_jwt_is_in_the_token_itself(org):
    """Nothing has to be asked then."""
    org.control("oauth", {"tokens": "jwt"})
    found = access.status(org.another())
    assert found.expires_at is not None
    assert found.expires_at.strftime("%Y-%m-%d %H") == "2026-11-02 10"


def test_an_app_that_may_not_introspect_has_a_status_all_the_same(logged_in):
    """When it ends is not told; that is no failure."""
    no = {"status": 401, "body": {"error": "invalid_client", "error_description": "no"}}
    logged_in.org.control("faults", [{"match": {"path_regex": "introspect"}, "do": no}])
    assert access.status(logged_in.crm()).expires_at is None


@pytest.mark.parametrize("token", ["00D!AQ.x.y", "a.b.c", "a.e30.c", "opaque", "a.MQ.c"])
def test_a_token_that_only_looks_like_a_jwt_says_nothing(token):
    """Dots do not make one."""
    assert access._claims(token) == {}


def test_logging_out_ends_the_grant_and_forgets_it(logged_in):
    """Afterwards neither side has anything of it."""
    assert access.log_out(logged_in.crm())
    assert logged_in.grants()[0]["ended"] == "revoked"
    assert logged_in.grants()[0]["sessions"] == 0
    assert logged_in.auth.refresh_token.read() == ""


def test_logging_out_of_a_login_that_had_ended_forgets_it(logged_in):
    """There is nothing to take back, and nothing to keep."""
    other = logged_in.kept.token.refresh
    requests.post(f"{logged_in.org.url}/services/oauth2/revoke", data={"token": other}, timeout=10)
    assert not access.log_out(logged_in.crm())
    assert logged_in.auth.refresh_token.read() == ""


def test_a_flow_that_logs_in_by_itself_has_nothing_to_log_in_by_hand(org):
    """It says which command tries it."""
    with pytest.raises(ConfigError, match="by itself") as wrong:
        access.log_in(org.another(), pytest.fail, patience=1)
    assert "auth status" in wrong.value.hint
