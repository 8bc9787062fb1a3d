"""Logging in to HubSpot in the browser, and staying logged in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from connector.crm.hubspot import access, browser
from connector.crm.hubspot.auth import OAuth
from connector.crm.hubspot.tokens import TokenHost
from connector.errors import AuthError, ConfigError, InDoubt, Malformed
from connector.login import kept
from connector.login.refused import LOGIN_AGAIN
from connector.secrets import Secret, Vault

from ...conftest import Answer
from .conftest import visit


def test_a_person_logs_in_once_and_runs_go_on_without_them(person):
    """Code, challenge and callback fit; the login is kept for its owner alone."""
    person.log_in()
    assert person.crm().check().id == str(person.portal.keys["portal_id"])
    assert os.stat(person.portal.folder / "login").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_tokens_come_by_the_newer_addresses_and_secrets_go_in_the_body(person, version):
    """OAuth's first version is never used; nothing secret stands in an address."""
    host = TokenHost(person.portal.url, version)
    browser.log_in(host, person.auth, visit, patience=20)
    person.portal.control("clock", {"advance": "2h"})
    person.crm(api_version=version).check()
    routes = [row["route"] for row in person.portal.control("stats")["routes"]]
    asked = [route for route in routes if "token" in route]
    assert asked == [f"/oauth/{version}/token"]
    assert person.grants()[0]["rotations"] == 1


def test_a_token_is_renewed_before_it_runs_out(logged_in):
    """By `expires_in`: HubSpot never sees a token that has run out."""
    nearly = replace(logged_in.kept, renewed_at=logged_in.kept.renewed_at - 1_790)
    kept.keep(logged_in.auth.refresh_token, nearly)
    logged_in.crm().check()
    assert logged_in.portal.asked("/account-info") == 1
    assert logged_in.kept.generation == 2


def test_the_day_is_not_told_to_an_app_with_oauth(logged_in):
    """HubSpot's headers have it for service keys and private apps alone."""
    crm = logged_in.crm()
    crm.check()
    assert crm.allowance() == (0, 0)


def test_how_long_a_token_is_good_is_what_hubspot_says(person):
    """Not half an hour because it is so today."""
    person.portal.set(oauth={"expires_in": 600})
    person.log_in()
    assert person.kept.token.seconds == 600
    kept.keep(person.auth.refresh_token, replace(person.kept, renewed_at=kept.now() - 500))
    person.crm().check()
    assert person.kept.generation == 2


def test_a_login_without_a_refresh_token_is_refused(person, scripted):
    """It would end in half an hour, at night."""
    body = b'{"access_token": "a", "expires_in": 1800, "token_type": "bearer"}'
    host = TokenHost(scripted(Answer(200, body)).url, "2026-09")
    with pytest.raises(AuthError, match="no refresh token"):
        browser.log_in(host, person.auth, visit, patience=20)
    assert person.auth.refresh_token.read() == ""


def test_a_401_is_answered_with_one_renewal(logged_in):
    """The clock of this machine may be wrong, and tokens can be taken back."""
    logged_in.portal.control("clock", {"advance": "2h"})
    crm = logged_in.crm()
    crm.check()
    assert logged_in.portal.asked("/account-info") == 2
    assert logged_in.kept.generation == 2


def test_after_the_second_401_it_gives_up(logged_in):
    """Tokens that are refused as soon as they are issued do not lead to more tokens."""
    no = {"match": {"path_regex": "account-info"}, "do": {"status": 401, "body": {}}}
    logged_in.portal.control("faults", [no])
    crm = logged_in.crm()
    for _ in range(3):
        with pytest.raises(AuthError, match="had just issued"):
            crm.check()
    assert logged_in.grants()[0]["rotations"] == 1


def test_however_many_threads_notice_at_once_one_renews(logged_in):
    """Eight of them, one request for a token."""
    crm = logged_in.crm()
    logged_in.portal.control("clock", {"advance": "2h"})
    threads = [threading.Thread(target=crm.check) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert logged_in.portal.asked("/token") == 2  # one of them from logging in
    assert logged_in.kept.generation == 2


def test_runs_side_by_side_do_not_show_a_token_twice(logged_in):
    """Three processes renew as often as they like; the grant lives."""
    auth, portal = logged_in.auth, logged_in.portal
    code = (
        "import sys\n"
        "from connector.crm.hubspot.auth import OAuth\n"
        "from connector.secrets import Secret, Vault\n"
        "url, id, secret, login, callback = sys.argv[1:]\n"
        "auth = OAuth(id, Secret(secret), Vault(login), callback=callback)\n"
        "for turn in range(4):\n"
        "    one = auth.login(url, '2026-09')\n"
        "    one.renew(one.header())\n"
        "    print(len(one.header()) > 60)\n"
    )
    line = [sys.executable, "-c", code, portal.url, auth.client_id, auth.client_secret.reference]
    line += [auth.refresh_token.reference, auth.callback]
    processes = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[0].split() for process in processes]
    assert said == [["True"] * 4] * 3
    assert [grant["ended"] for grant in logged_in.grants()] == [None]


def test_a_token_that_another_process_has_just_got_is_taken(logged_in):
    """The slower of two that failed on the same token asks for none."""
    slow, quick = (logged_in.auth.login(logged_in.portal.url, "2026-09") for _ in range(2))
    stale = slow.header()
    quick.renew(quick.header())
    slow.renew(stale)
    assert slow.header() == quick.header() != stale
    assert logged_in.kept.generation == 2


def test_the_new_refresh_token_is_kept_before_the_access_token_is_used(logged_in, monkeypatch):
    """When the access token goes out for the first time, its refresh token is on the disk."""
    from connector import http

    logged_in.portal.control("clock", {"advance": "2h"})
    old, sent, once = logged_in.kept.token, [], http.Polite._once

    def watched(self, method, url, safe, options, authorization):
        if authorization and old.access not in authorization:
            now = logged_in.kept.token
            sent.append((authorization == f"Bearer {now.access}", now.refresh != old.refresh))
        return once(self, method, url, safe, options, authorization)

    monkeypatch.setattr(http.Polite, "_once", watched)
    logged_in.crm().check()
    assert set(sent) == {(True, True)}


def test_a_renewal_whose_answer_is_lost_is_settled_by_asking(logged_in):
    """The line is cut after HubSpot rotated: the used token is never shown again."""
    cut = {"match": {"path_regex": "/token$", "nth": 1}, "do": {"drop": "after"}}
    logged_in.portal.control("faults", [cut])
    login = logged_in.auth.login(logged_in.portal.url, "2026-09")
    with pytest.raises(InDoubt, match="got no answer") as doubt:
        login.renew(login.header())
    assert "looked up" in doubt.value.hint
    again = logged_in.auth.login(logged_in.portal.url, "2026-09")
    with pytest.raises(AuthError, match="interrupted") as told:
        again.renew(again.header())
    assert told.value.hint == LOGIN_AGAIN
    assert [grant["ended"] for grant in logged_in.grants()] == [None]


def test_a_refresh_token_that_does_not_rotate_is_kept_and_found_alive(person):
    """As HubSpot does it today: after a lost answer nobody has to log in again."""
    person.portal.set(oauth={"rotation": False})
    person.log_in()
    before = person.kept.token.refresh
    kept.keep(person.auth.refresh_token, replace(person.kept, sent=True))
    login = person.auth.login(person.portal.url, "2026-09")
    login.renew(login.header())
    assert (person.kept.token.refresh, person.kept.sent) == (before, False)


def test_an_app_that_was_uninstalled_leads_to_the_login(logged_in):
    """Said once with what to do; the dead token is forgotten."""
    logged_in.portal.set(oauth={"end": True})
    with pytest.raises(AuthError, match="BAD_REFRESH_TOKEN") as dead:
        logged_in.crm().check()
    assert LOGIN_AGAIN in dead.value.hint
    assert logged_in.kept.token.refresh == ""
    with pytest.raises(AuthError, match="has ended"):
        logged_in.crm().check()


def test_a_login_to_another_account_ends_the_run(logged_in):
    """What was begun in one account is not finished in another."""
    login = logged_in.auth.login(logged_in.portal.url, "2026-09")
    stale = login.header()
    other = replace(logged_in.kept.token, access="x" * 80, hub="99")
    kept.begin(logged_in.auth.refresh_token, logged_in.auth.client_id, other)
    with pytest.raises(AuthError, match="another account, 99"):
        login.renew(stale)


def test_nobody_being_logged_in_is_said_so(person):
    """With the place that is empty, and the command that fills it."""
    with pytest.raises(AuthError, match="Nobody is logged in") as nobody:
        person.crm().check()
    assert nobody.value.hint == LOGIN_AGAIN


def test_the_challenge_the_state_and_the_scopes_go_out_with_the_browser(person):
    """The verifier and the secret do not."""
    asked: list[dict[str, str]] = []

    def note(address: str) -> None:
        asked.append(dict(parse_qsl(urlsplit(address).query)))
        visit(address)

    browser.log_in(TokenHost(person.portal.url, "2026-09"), person.auth, note, patience=20)
    (one,) = asked
    assert one["code_challenge_method"] == "S256"
    assert one["scope"].split() == list(person.auth.scopes)
    assert {"code_verifier", "client_secret"}.isdisjoint(one)


def test_an_answer_with_another_state_is_not_taken(person):
    """Whoever else sends a code to this machine does not log us in as somebody else."""
    foreign: list[int] = []

    def attacked(address: str) -> None:
        forged = f"{person.auth.callback}?{urlencode({'code': 'theirs', 'state': 'guessed'})}"
        foreign.append(requests.get(forged, timeout=10).status_code)
        visit(address)

    browser.log_in(TokenHost(person.portal.url, "2026-09"), person.auth, attacked, patience=20)
    assert foreign == [400]
    assert person.crm().check()


def test_a_person_who_denies_it_is_told_apart(person):
    """HubSpot's answer comes back to the terminal as an error with a hint."""
    person.portal.set(oauth={"consent": "deny"})
    with pytest.raises(AuthError, match="access_denied") as denied:
        person.log_in()
    assert "Cancel" in denied.value.hint


def test_nobody_coming_back_ends_with_what_may_have_happened(person):
    """HubSpot shows some errors in the browser only; those are named."""
    host = TokenHost(person.portal.url, "2026-09")
    with pytest.raises(AuthError, match="from HubSpot's login page within 0 seconds") as late:
        browser.log_in(host, person.auth, lambda _: None, patience=0.05)
    assert "redirect URL" in late.value.hint


def test_the_page_names_hubspot_in_the_language_of_the_browser(person):
    """Neither Salesforce nor English, for somebody whose browser is German."""
    shown: list[requests.Response] = []

    def show(address: str) -> None:
        def read() -> None:
            shown.append(requests.get(address, headers={"Accept-Language": "de"}, timeout=20))

        threads.append(threading.Thread(target=read))
        threads[0].start()

    threads: list[threading.Thread] = []
    browser.log_in(TokenHost(person.portal.url, "2026-09"), person.auth, show, patience=20)
    threads[0].join()
    assert "HubSpot hat geantwortet" in shown[0].text


def test_a_wrong_secret_is_explained(person, tmp_path):
    """It stands under the app's Auth tab."""
    (tmp_path / "wrong").write_text("no secret of theirs")
    with pytest.raises(AuthError, match="BAD_CLIENT_SECRET") as refused:
        person.log_in(client_secret=Secret(f"file:{tmp_path / 'wrong'}"))
    assert "Auth tab" in refused.value.hint
    assert "no secret of theirs" not in refused.value.message


def test_a_page_for_people_at_the_token_host_is_explained(person, scripted):
    """Maintenance does not speak JSON."""
    page = Answer(200, b"<html>soon</html>", {"Content-Type": "text/html"})
    host = TokenHost(scripted(page).url, "2026-09")
    with pytest.raises(Malformed, match="text/html") as told:
        host.token({"grant_type": "refresh_token"})
    assert "status.hubspot.com" in told.value.hint


def test_a_callback_that_is_not_this_machine_is_refused():
    """The code would go elsewhere."""
    secret, vault = Secret("env:SECRET"), Vault("file:login")
    with pytest.raises(ValueError, match="address of this machine"):
        OAuth("id", secret, vault, callback="https://example.com/callback")


def test_tokens_do_not_print_themselves(logged_in):
    """Neither in a log nor in a traceback with values."""
    token = logged_in.kept.token
    assert token.refresh not in repr(logged_in.kept)
    assert token.access not in repr(logged_in.kept)


def test_status_says_who_where_which_scopes_and_until_when(logged_in):
    """All that somebody asks who inherits an installation."""
    found = access.status(logged_in.crm())
    assert (found.hub, found.hub_domain) == ("44810221", "sandbox.example")
    assert (found.email, found.user, found.app) == ("revops@sandbox.example", "52001", "3100003")
    assert "crm.objects.companies.write" in found.scopes
    assert found.expires_at is not None
    assert (found.account_type, found.hosting) == ("STANDARD", "na1")


def test_logout_ends_it_on_both_sides(logged_in):
    """Taken back at HubSpot, and the place is empty."""
    assert access.log_out(logged_in.crm())
    assert logged_in.auth.refresh_token.read() == ""
    assert logged_in.grants()[0]["ended"] == "revoked"


def test_logout_of_what_hubspot_has_ended_says_so(logged_in):
    """It is forgotten here all the same."""
    logged_in.portal.set(oauth={"end": True})
    assert not access.log_out(logged_in.crm())
    assert logged_in.auth.refresh_token.read() == ""


def test_logging_in_is_refused_where_there_is_nothing_to_do(portal):
    """A service key needs no person."""
    for do in (lambda: access.log_in(portal.crm, pytest.fail, patience=1),
               lambda: access.log_out(portal.crm)):  # fmt: skip
        with pytest.raises(ConfigError, match='flow = "token"'):
            do()
