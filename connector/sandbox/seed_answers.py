"""What customers answer in surveys: scores that follow their mood, comments, and odd cases."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .seed_names import FREE_MAIL, person, plain
from .seed_text import COMMENTS, LINKS, THEMES, labels_of
from .seed_world import DAY, TODAY, Company, Person, World
from .store import Store
from .surveys.answers import COLUMNS, Answer, Survey, add_group, add_survey, row

RELATIONSHIP, SUPPORT, GROUP = "UmVsYXRpb25zaGlw", "QWZ0ZXJTdXBwb3J0", "QWxsQ3VzdG9tZXJz"
ANSWER = COLUMNS

_WAVES = (TODAY - 291, TODAY - 200, TODAY - 109, TODAY - 18)
_DUPLICATE = 0.015
_QUESTION = "YWxsb3dlZA"

Who = dict[str, Any]


def add_surveys(store: Store, inserted_at: str) -> None:
    """Sets up two surveys in one group, and the properties their answers refer to."""
    add_group(store, GROUP, "All customers", inserted_at)
    for id, title in ((RELATIONSHIP, "Relationship NPS"), (SUPPORT, "After-support transactional")):
        add_survey(store, Survey(id, title, "active", inserted_at, GROUP))


def add_answers(world: World, company: Company) -> None:
    """Writes down what the people of a company answered within a year."""
    chance = world.rng.random
    if chance() > _willing(company):
        return
    for _ in range(min(1 + world.some(1.1), 4)):
        survey = RELATIONSHIP if chance() < 0.7 else SUPPORT
        start = _WAVES[int(chance() * 4)] if survey == RELATIONSHIP else TODAY - 350
        spread = 18 if survey == RELATIONSHIP else 350
        day = max(start + int(chance() * spread), company.since + 1)
        if day >= TODAY:
            continue
        at = day * DAY + 25_000 + int(chance() * 46_000)
        who = company.people[int(chance() * len(company.people))]
        answer = _answer(world, company, who, at, survey)
        _keep(world, answer)
        if chance() < _DUPLICATE:
            _keep(world, _again(world, company, answer, at))


def _willing(company: Company) -> float:
    if not company.pays:
        return 0.12
    return {"silent": 0.15, "new": 0.4, "advocate": 0.72}.get(company.path.name, 0.56)


def _keep(world: World, answer: Answer) -> None:
    world.rows["answers"].append(row(answer))


def _answer(world: World, company: Company, who: Person, at: int, survey: str) -> Answer:
    chance = world.rng.random
    score = _score(world, company.mood(at // DAY))
    language = "de" if company.german != (chance() < 0.08) else "en"
    comment, moods = _comment(world, company, score, language) if chance() < 0.4 else (None, {})
    labels = labels_of(comment, language) if comment else {}
    id = _token(world)
    sender = _sender(world, company, who, language)
    more = {
        "sentiment": _sentiment(score, moods) if comment else None,
        "moods": {each: moods.get(each, "neutral") for each in labels},
        "keywords": labels,
        "recipient": _token(world),
        "properties": {"language": language, "segment": company.segment},
        "tags": sender.pop("tags"),
    }
    given = _inserted(world, at)
    return Answer(
        id=id,
        survey=survey,
        kind="relationship" if survey == RELATIONSHIP else "transactional",
        metric="nps",
        score=score,
        comment=comment,
        labels=list(labels),
        language=language,
        channel="email",
        touchpoint=None if survey == RELATIONSHIP else "support",
        asked_at=f"{world.calendar.stamp(at - 3_600)[:19]}.000000Z",
        submitted_at=given,
        updated_at=given,
        more={**more, **_extra(world, at)},
        **sender,
    )


def _token(world: World) -> str:
    return urlsafe_b64encode(world.rng.randbytes(18)).decode()


def _inserted(world: World, at: int) -> str:
    return f"{world.calendar.stamp(at)[:19]}.{int(world.rng.random() * 1_000_000):06d}Z"


def _score(world: World, mood: float) -> int | None:
    """0 to 10 mostly; now and then no score, or one that is not on the scale."""
    odd = world.rng.random()
    if odd < 0.004:
        return None
    if odd < 0.007:
        return 11 if odd < 0.0055 else -1
    return min(10, max(0, round(6.3 + 3.5 * mood + world.rng.gauss(0, 1.6))))


def _comment(
    world: World, company: Company, score: int | None, language: str
) -> tuple[str, dict[str, str]]:
    """A comment and the mood of each theme it was written about; some praise and complain."""
    chance = world.rng.random
    mood = "neutral" if score is None else _mood(score, chance())
    usual = THEMES[company.number % len(THEMES)]
    theme = usual if chance() < 0.5 else THEMES[int(chance() * len(THEMES))]
    text, moods = _phrase(chance(), language, theme, mood), {theme: mood}
    other = THEMES[int(chance() * len(THEMES))]
    if chance() < 0.15 and other != theme:
        moods[other] = _mood(5 if score is None else score, chance())
        text += LINKS[language] + _phrase(chance(), language, other, moods[other])
    return text, moods


def _mood(score: int, chance: float) -> str:
    positive = 0.9 if score >= 9 else 0.5 if score >= 7 else 0.06
    if chance < positive:
        return "positive"
    return "neutral" if chance < positive + (0.35 if score >= 7 else 0.14) else "negative"


def _phrase(chance: float, language: str, theme: str, mood: str) -> str:
    phrases = COMMENTS[language][theme][mood]
    return phrases[int(chance * len(phrases))]


def _sentiment(score: int | None, moods: Mapping[str, str]) -> str:
    values = set(moods.values())
    if len(values) == 1:
        return values.pop()
    return "positive" if score is not None and score >= 9 else "neutral"


def _sender(world: World, company: Company, who: Person, language: str) -> Who:
    """Who answered, as far as the platform was told: 55 % by contact, 10 % by account, 10 % by
    customer number, the others by nothing but an e-mail address, or by nothing at all.
    """
    chance, kind = world.rng.random, world.rng.random()
    tags = {"plan": company.segment, "language": language} if chance() < 0.3 else {}
    known = {"name": f"{who.first} {who.last}", "email": who.email if chance() < 0.9 else None}
    told: Who = {"account_key": None, "contact_key": None, "company": None, "tags": tags, **known}
    if kind < 0.55:
        return {**told, "contact_key": who.id}
    if kind < 0.65:
        return {**told, "account_key": company.id if chance() < 0.3 else company.id[:15]}
    if kind < 0.75:
        return {**told, "account_key": company.key}
    if kind < 0.77:
        return {**told, "name": None, "email": None, "tags": {}}
    email, name = _address(world, company, who)
    return {**told, "name": name, "email": email}


def _address(world: World, company: Company, who: Person) -> tuple[str, str]:
    """An address as people give it: tagged, in capitals, a colleague's, a private one."""
    chance, kind = world.rng.random, world.rng.random()
    first, last = person(world.rng, german=company.german)
    if kind < 0.14 or who.email is None:
        return f"{plain(first)}.{plain(last)}@{company.domain}", f"{first} {last}"
    if kind < 0.22:
        provider = FREE_MAIL[int(chance() * len(FREE_MAIL))]
        return f"{plain(last)}{int(chance() * 100)}@{provider}", f"{first} {last}"
    if kind < 0.26:
        return f"{plain(first)}@{plain(last)}-privat.example", f"{first} {last}"
    name, (local, _, domain) = f"{who.first} {who.last}", who.email.partition("@")
    if kind < 0.34:
        return f"{local}+nps@{domain}", name
    return (who.email.upper() if kind < 0.42 else who.email), name


def _extra(world: World, at: int) -> dict[str, Any]:
    """A further question that some were asked, and what they said."""
    if world.rng.random() > 0.1:
        return {}
    said = "Ja" if world.rng.random() < 0.6 else "Nein"
    reply = {"question": _QUESTION, "answer": said, "at": _inserted(world, at + 40)}
    return {"replies": [reply], "questions": {_QUESTION: "Dürfen wir Sie dazu anrufen?"}}


def _again(world: World, company: Company, answer: Answer, at: int) -> Answer:
    """The same person once more within a day, with another score."""
    later = min(at + 600 + int(world.rng.random() * 70_000), world.calendar.now - 1)
    id, score = _token(world), _score(world, company.mood(at // DAY))
    given = _inserted(world, later)
    return replace(answer, id=id, score=score, submitted_at=given, updated_at=given)
