"""Every word of the page, in English and German."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = ("en", "de")

TEXTS: Mapping[str, Mapping[Language, str]] = {
    "title": {"en": "Customer health", "de": "Kundengesundheit"},
    "as_of": {"en": "As of", "de": "Stand"},
    "org": {"en": "Org", "de": "Org"},
    "run": {"en": "Run", "de": "Lauf"},
    "model": {"en": "Model", "de": "Modell"},
    "accounts": {"en": "Accounts", "de": "Konten"},
    "scored": {
        "en": "{} scored; {} % of the model known",
        "de": "{} bewertet; {} % des Modells bekannt",
    },
    "nps_head": {"en": "NPS, 12 months", "de": "NPS, 12 Monate"},
    "of_responses": {"en": "from {} answers", "de": "aus {} Antworten"},
    "nps_range": {"en": "19 times in 20: {} to {}", "de": "19-mal von 20: {} bis {}"},
    "nps_by_revenue": {"en": "by revenue {}", "de": "nach Umsatz {}"},
    "nps_quarter": {"en": "NPS, 90 days", "de": "NPS, 90 Tage"},
    "nps_clear": {
        "en": "{} against the 90 days before, more than chance",
        "de": "{} gegen die 90 Tage davor, mehr als Zufall",
    },
    "nps_chance": {
        "en": "{} against the 90 days before may be chance",
        "de": "{} gegen die 90 Tage davor kann Zufall sein",
    },
    "coverage": {"en": "Heard from", "de": "Gehört von"},
    "coverage_of": {
        "en": "of accounts, {} of revenue",
        "de": "der Konten, {} des Umsatzes",
    },
    "revenue": {"en": "Annual revenue", "de": "Jahresumsatz"},
    "revenue_of": {"en": "of all accounts", "de": "aller Konten"},
    "at_risk": {"en": "Revenue at risk", "de": "Umsatz in Gefahr"},
    "at_risk_of": {"en": "{} of revenue, tiers C and D", "de": "{} des Umsatzes, Stufen C und D"},
    "written": {"en": "Written", "de": "Geschrieben"},
    "written_of": {"en": "{} left alone", "de": "{} unverändert gelassen"},
    "tiers": {"en": "Tiers", "de": "Stufen"},
    "tier": {"en": "Tier", "de": "Stufe"},
    "unknown_tier": {"en": "unknown", "de": "unbekannt"},
    "scores": {"en": "Scores", "de": "Werte"},
    "scores_of": {
        "en": "Accounts by score, 0 to 100",
        "de": "Konten nach Wert, 0 bis 100",
    },
    "attention": {
        "en": "Accounts that need attention",
        "de": "Konten, die Aufmerksamkeit brauchen",
    },
    "attention_of": {
        "en": "In tier C or D, or fallen since last time; largest revenue first.",
        "de": "In Stufe C oder D oder seit dem letzten Mal gefallen; größter Umsatz zuerst.",
    },
    "nobody": {"en": "None. Well done.", "de": "Keine. Gut gemacht."},
    "account": {"en": "Account", "de": "Konto"},
    "score": {"en": "Score", "de": "Wert"},
    "change": {"en": "Change", "de": "Änderung"},
    "new": {"en": "new", "de": "neu"},
    "from_tier": {"en": "was {}", "de": "war {}"},
    "reason": {"en": "Why", "de": "Warum"},
    "owner": {"en": "Owner", "de": "Zuständig"},
    "themes": {"en": "What answers are about", "de": "Worum es in Antworten geht"},
    "themes_of": {
        "en": "{answers} answers of 12 months with a comment or label; {without} without a theme. "
        "An answer may have several. Of few answers an NPS says little.",
        "de": "{answers} Antworten aus 12 Monaten mit Kommentar oder Label; {without} ohne Thema. "
        "Eine Antwort kann mehrere haben. Bei wenigen Antworten sagt ein NPS wenig.",
    },
    "theme": {"en": "Theme", "de": "Thema"},
    "answers": {"en": "Answers", "de": "Antworten"},
    "disagree": {
        "en": "{} answers whose score and words disagree; see `connector themes`.",
        "de": "{} Antworten, deren Wert und Worte sich widersprechen; siehe `connector themes`.",
    },
    "what_ran": {"en": "What this run did", "de": "Was dieser Lauf getan hat"},
    "pulled": {"en": "Read", "de": "Gelesen"},
    "stream": {"en": "Stream", "de": "Strom"},
    "records": {"en": "Records", "de": "Sätze"},
    "fresh": {"en": "New", "de": "Neu"},
    "calls": {"en": "Calls", "de": "Aufrufe"},
    "fields": {"en": "Fields", "de": "Felder"},
    "field": {"en": "Field", "de": "Feld"},
    "set": {"en": "Written", "de": "Geschrieben"},
    "held": {"en": "Held back", "de": "Zurückgehalten"},
    "theirs": {"en": "Edited", "de": "Bearbeitet"},
    "unfit": {"en": "Does not fit", "de": "Passt nicht"},
    "unknown": {"en": "Unknown", "de": "Unbekannt"},
    "same": {"en": "Same", "de": "Gleich"},
    "failed": {"en": "Failed", "de": "Fehlgeschlagen"},
    "fields_of": {
        "en": "Held back: moved too little. Edited: somebody's own value, kept. "
        "Unknown: nothing to say, left alone.",
        "de": "Zurückgehalten: zu wenig bewegt. Bearbeitet: eigener Wert von jemandem, belassen. "
        "Unbekannt: nichts zu sagen, nicht angefasst.",
    },
    "outcome": {
        "en": "{applied} of {planned} accounts written, {failed} failed, "
        "{conflicts} edited by somebody.",
        "de": "{applied} von {planned} Konten geschrieben, {failed} fehlgeschlagen, "
        "{conflicts} von jemandem bearbeitet.",
    },
    "nothing_to_do": {"en": "Nothing was left to do.", "de": "Es war nichts mehr zu tun."},
    "odd": {"en": "Odd records", "de": "Auffällige Datensätze"},
    "odd_of": {
        "en": "Counted, never dropped in silence.",
        "de": "Gezählt, nie stillschweigend weggelassen.",
    },
    "rule": {"en": "What", "de": "Was"},
    "count": {"en": "Count", "de": "Anzahl"},
    "examples": {"en": "For example", "de": "Zum Beispiel"},
    "lane": {"en": "Lane", "de": "Weg"},
    "predicted": {"en": "Predicted", "de": "Erwartet"},
    "actual": {"en": "Made", "de": "Gemacht"},
    "allowance": {
        "en": "{calls} calls, {share} of the {allowed} that a day allows.",
        "de": "{calls} Aufrufe, {share} der {allowed}, die ein Tag erlaubt.",
    },
    "times": {"en": "Time", "de": "Zeit"},
    "phase": {"en": "Phase", "de": "Abschnitt"},
    "seconds": {"en": "Seconds", "de": "Sekunden"},
    "links": {"en": "Matched to accounts", "de": "Konten zugeordnet"},
    "link": {"en": "By", "de": "Über"},
    "unmatched": {"en": "no account found", "de": "kein Konto gefunden"},
    "privacy": {
        "en": "This page holds no respondent, address or comment.",
        "de": "Diese Seite enthält keine Befragten, Adressen oder Kommentare.",
    },
}

#: Identifiers of streams, rules and phases, as a person says them.
SAID: Mapping[str, Mapping[Language, str]] = {
    "accounts": {"en": "accounts", "de": "Konten"},
    "contacts": {"en": "contacts", "de": "Kontakte"},
    "owners": {"en": "owners", "de": "Zuständige"},
    "activities": {"en": "activities", "de": "Aktivitäten"},
    "opportunities": {"en": "opportunities", "de": "Verkaufschancen"},
    "tickets": {"en": "tickets", "de": "Tickets"},
    "responses": {"en": "responses", "de": "Antworten"},
    "invitations": {"en": "invitations", "de": "Einladungen"},
    "signals": {"en": "signals", "de": "Signale"},
    "score_and_words_disagree": {
        "en": "score and words disagree",
        "de": "Wert und Worte widersprechen sich",
    },
    "same_name": {"en": "accounts of the same name", "de": "Konten gleichen Namens"},
    "about_without_account": {
        "en": "about something that leads to no account",
        "de": "zu etwas, das zu keinem Konto führt",
    },
    "person_without_account": {
        "en": "with a person of no account",
        "de": "mit jemandem, der zu keinem Konto gehört",
    },
    "subjects": {"en": "other things with an account", "de": "andere Dinge mit Konto"},
    "unknown": {"en": "belongs to no known account", "de": "gehört zu keinem bekannten Konto"},
    "anonymous": {"en": "says nothing about who it is", "de": "sagt nicht, von wem"},
    "record_id": {"en": "record id", "de": "Datensatz-ID"},
    "external_id": {"en": "customer number", "de": "Kundennummer"},
    "email": {"en": "e-mail", "de": "E-Mail"},
    "email_plus": {"en": "e-mail without +tag", "de": "E-Mail ohne +Zusatz"},
    "alias": {"en": "your alias file", "de": "Ihre Alias-Datei"},
    "domain": {"en": "mail domain", "de": "Mail-Domain"},
    "name": {"en": "company name", "de": "Firmenname"},
    "pull": {"en": "read", "de": "lesen"},
    "score": {"en": "score", "de": "bewerten"},
    "plan": {"en": "plan", "de": "planen"},
    "apply": {"en": "write", "de": "schreiben"},
    "preflight": {"en": "look first", "de": "vorher nachsehen"},
}
