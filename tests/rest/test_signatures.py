"""How platforms prove that a body is theirs; vectors made with other tools than ours."""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from connector.rest.signatures import KNOWN, Hmac, InAddress, Sent, Stamped, Token, told_moment

SECRET, BODY = "geheim", b'{"score": 9, "comment": "Sch\xc3\xb6n"}'
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


def digest(algorithm: str, signed: bytes = BODY, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), signed, algorithm).digest()


def sent(headers: dict[str, str] | None = None, behind: str = "", body: bytes = BODY) -> Sent:
    return Sent(body, {name.lower(): value for name, value in (headers or {}).items()}, behind)


def test_the_digest_is_that_of_the_standard():
    """The second test case of RFC 4231 and of RFC 2202."""
    body = sent({"h": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
                body=b"what do ya want for nothing?")  # fmt: skip
    assert Hmac("h").accepts(body, "Jefe", NOW)
    body = sent({"h": "sha1=EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"},
                body=b"what do ya want for nothing?")  # fmt: skip
    assert Hmac("h", algorithm="sha1", prefix="sha1=").accepts(body, "Jefe", NOW)


SIGNED = {
    "asknicely": {"X-Webhook-Token": SECRET},
    "delighted": {"X-Delighted-Webhook-Signature": f"sha256={digest('sha256').hex()}"},
    "inmoment": {"X-Wootric-Signature": f"sha1={digest('sha1').hex()}"},
    "intercom": {"X-Hub-Signature": f"sha1={digest('sha1').hex()}"},
    "stripe": {
        "Stripe-Signature": f"t={STAMP},v1={'0' * 64},"
        f"v1={digest('sha256', f'{STAMP}.'.encode() + BODY).hex()},v0=x"
    },
    "survicate": {"Hmac": digest("sha256").hex()},
    "typeform": {"Typeform-Signature": f"sha256={b64encode(digest('sha256')).decode()}"},
    "zendesk": {
        "X-Zendesk-Webhook-Signature-Timestamp": "2026-01-31T12:00:00Z",
        "X-Zendesk-Webhook-Signature": b64encode(
            digest("sha256", b"2026-01-31T12:00:00Z" + BODY)
        ).decode(),
    },
}


def test_every_platform_that_signs_is_tried():
    """All others keep their secret in the address."""
    others = {name for name, known in KNOWN.items() if known.signature == InAddress()}
    assert others | SIGNED.keys() == KNOWN.keys()
    assert not others & SIGNED.keys()


@pytest.mark.parametrize("platform", SIGNED)
def test_what_a_platform_signs_is_accepted_and_nothing_else_is(platform):
    """Not another body, another secret, a missing, empty or cut signature."""
    signature, headers = KNOWN[platform].signature, SIGNED[platform]
    assert signature.accepts(sent(headers), SECRET, NOW)
    assert not signature.accepts(sent(headers), "other", NOW)
    assert not signature.accepts(sent({}), SECRET, NOW)
    for wrong in ("", "sha1=", "é\udc80"):
        assert not signature.accepts(sent(dict.fromkeys(headers, wrong)), SECRET, NOW)
    cut = {name: value[:-1] for name, value in headers.items()}
    assert platform == "stripe" or not signature.accepts(sent(cut), SECRET, NOW)
    if not isinstance(signature, Token):
        assert not signature.accepts(sent(headers, body=BODY + b" "), SECRET, NOW)


@pytest.mark.parametrize("platform", ["stripe", "zendesk"])
@pytest.mark.parametrize(("late", "accepted"), [(299, True), (301, False), (-301, False)])
def test_an_old_request_is_not_accepted_again(platform, late, accepted):
    """Nor one from a future; five minutes of difference between clocks are fine."""
    at = NOW + timedelta(seconds=late)
    signature = KNOWN[platform].signature
    assert signature.accepts(sent(SIGNED[platform]), SECRET, at) is accepted


def test_a_moment_that_was_changed_breaks_the_signature():
    """Otherwise an old body could be dressed up as new."""
    later = NOW + timedelta(days=1)
    headers = {"Stripe-Signature": SIGNED["stripe"]["Stripe-Signature"].replace(
        STAMP, str(int(later.timestamp())))}  # fmt: skip
    assert not Stamped("Stripe-Signature", "stamped").accepts(sent(headers), SECRET, later)


def test_the_secret_in_the_address_is_compared_whole():
    """A part of it, or more than it, is not it."""
    way = InAddress()
    assert way.accepts(sent(behind=SECRET), SECRET, NOW)
    for wrong in ("", SECRET[:-1], f"{SECRET}/"):
        assert not way.accepts(sent(behind=wrong), SECRET, NOW)


def test_what_was_sent_does_not_print_itself():
    """Neither body, headers nor address come into a log by accident."""
    said = repr(sent({"Hmac": "signed"}, "secret"))
    assert not {"score", "signed", "secret"} & set(said.replace("'", " ").split())


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (1793520000, 1793520000), ("1793520000", 1793520000), (1793520000123, 1793520000.123),
        ("2026-11-01T08:00:00Z", 1793520000), ("2026-11-01T10:00:00.000+02:00", 1793520000),
        ("2026-11-01 00:00:00 -0800", 1793520000), ("2026-11-01T08:00:00", 1793520000),
    ],
)  # fmt: skip
def test_moments_are_read_as_platforms_write_them(said, seconds):
    """Seconds, milliseconds and texts."""
    at = told_moment(said)
    assert at is not None
    assert at.timestamp() == pytest.approx(seconds)


@pytest.mark.parametrize("said", [None, "", "gestern", [1], "9" * 40, True])
def test_what_is_no_moment_is_none(said):
    """And no error either."""
    assert told_moment(said) is None
