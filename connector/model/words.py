"""What is said about models and accounts, in English and in German."""

from __future__ import annotations

from collections.abc import Mapping

#: What people call the records of a stream.
STREAMS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "accounts": "accounts",
        "contacts": "contacts",
        "activities": "activities",
        "opportunities": "opportunities",
        "tickets": "tickets",
        "responses": "responses",
        "invitations": "invitations",
        "signals": "signals",
    },
    "de": {
        "accounts": "Konten",
        "contacts": "Kontakte",
        "activities": "Aktivitäten",
        "opportunities": "Verkaufschancen",
        "tickets": "Tickets",
        "responses": "Antworten",
        "invitations": "Einladungen",
        "signals": "Signale",
    },
}

CARD: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Model card",
        "version": "Version",
        "meaning": (
            "The score lies between 0 and 100; 50 is neither good nor bad. It is the weighted mean "
            "of the ingredients about which something is known: what is unknown counts neither for "
            "nor against an account, it lowers confidence. Confidence is the share of the weight "
            "that rests on known, recent data."
        ),
        "weights": "What it weighs",
        "group": "Ingredient",
        "share": "Weight",
        "roles": "An answer weighs by who gave it: {roles}, everybody else 1.",
        "measure": "Measure",
        "points": "Value → points",
        "known": "Known of",
        "tiers": "Tiers",
        "from": "from",
        "margin": "An account leaves its tier only {margin} points past the edge.",
        "by_rule": "{tier} by rule, before the edges",
        "at_most": "At most {tier}",
        "override": "a tier given by a person holds until the day named with it",
        "needs": "What it needs",
        "stream": "Data",
        "window": "How far back",
        "used_for": "Used for",
        "days": "{days} days",
        "last": "last {days} days",
        "coverage": "Coverage",
        "covered": (
            "{accounts} accounts, scored last at {as_of}; confidence {confidence} % on average. "
            "Of how many each measure is known stands in the table of weights."
        ),
        "blind": "Of so many nothing is known from people: {spots}.",
        "no_coverage": "Nothing has been scored with this version yet.",
        "limits": "Known limits",
        "blind_spots": "Where nothing is known from people, the reason is told: {spots}.",
        "old": "Older values still count, but no longer towards confidence: {measures}.",
        "missing_worst": "Unknown counts as the worst there is: {measures}.",
        "missing_neutral": "Unknown counts as middling: {measures}.",
        "missing_carry": "Unknown is replaced by what was known last: {measures}.",
        "whole_group": "all of {group}",
        "few": "A score may rest on a single measure. Read it together with its confidence.",
        "people": (
            "It describes what was recorded. It does not know what nobody wrote down, and it is no "
            "judgement of the people who work with an account."
        ),
        "confidence": "Percent of the model's weight that rests on known, recent data.",
        "score_help": "0 to 100; 50 is neither good nor bad. Of what is known: {groups}.",
        "tier_help": "{edges}, else D. Changes only {margin} points past an edge.",
        "other_edges": "Other edges in: {segments}.",
    },
    "de": {
        "title": "Modellkarte",
        "version": "Version",
        "meaning": (
            "Der Wert liegt zwischen 0 und 100; 50 ist weder gut noch schlecht. Er ist das "
            "gewichtete Mittel der Bestandteile, über die etwas bekannt ist: Unbekanntes zählt "
            "weder für noch gegen ein Konto, es senkt die Sicherheit. Die Sicherheit ist der "
            "Anteil des Gewichts, der auf bekannten, aktuellen Daten beruht."
        ),
        "weights": "Was es gewichtet",
        "group": "Bestandteil",
        "share": "Gewicht",
        "roles": "Eine Antwort wiegt nach der Rolle: {roles}, alle anderen 1.",
        "measure": "Kennzahl",
        "points": "Wert → Punkte",
        "known": "Bekannt bei",
        "tiers": "Stufen",
        "from": "ab",
        "margin": "Ein Konto verlässt seine Stufe erst {margin} Punkte jenseits der Grenze.",
        "by_rule": "{tier} nach Regel, vor den Grenzen",
        "at_most": "Höchstens {tier}",
        "override": "eine von einer Person gesetzte Stufe gilt bis zum dabei genannten Tag",
        "needs": "Was es braucht",
        "stream": "Daten",
        "window": "Wie weit zurück",
        "used_for": "Verwendet für",
        "days": "{days} Tage",
        "last": "letzte {days} Tage",
        "coverage": "Abdeckung",
        "covered": (
            "{accounts} Konten, zuletzt bewertet am {as_of}; Sicherheit im Mittel {confidence} %. "
            "Bei wie vielen jede Kennzahl bekannt ist, steht in der Tabelle der Gewichte."
        ),
        "blind": "Bei so vielen ist von Menschen nichts bekannt: {spots}.",
        "no_coverage": "Mit dieser Version wurde noch nichts bewertet.",
        "limits": "Bekannte Grenzen",
        "blind_spots": "Wo von Menschen nichts bekannt ist, wird der Grund genannt: {spots}.",
        "old": "Ältere Werte zählen noch, aber nicht mehr für die Sicherheit: {measures}.",
        "missing_worst": "Unbekanntes zählt als das Schlechteste: {measures}.",
        "missing_neutral": "Unbekanntes zählt als mittel: {measures}.",
        "missing_carry": "An die Stelle von Unbekanntem tritt der letzte Stand: {measures}.",
        "whole_group": "ganz {group}",
        "few": "Ein Wert kann auf einer einzigen Kennzahl beruhen. Mit seiner Sicherheit lesen.",
        "people": (
            "Das Modell beschreibt, was erfasst wurde. Was niemand aufgeschrieben hat, kennt es "
            "nicht, und es ist kein Urteil über die Menschen, die ein Konto betreuen."
        ),
        "confidence": "Prozent des Modellgewichts, die auf bekannten, aktuellen Daten beruhen.",
        "score_help": "0 bis 100; 50 ist weder gut noch schlecht. Vom Bekannten: {groups}.",
        "tier_help": "{edges}, sonst D. Wechselt erst {margin} Punkte jenseits der Grenze.",
        "other_edges": "Andere Grenzen in: {segments}.",
    },
}
