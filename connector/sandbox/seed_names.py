"""Names for the seeded world: companies, people, subjects and products, German and English."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ROOTS = _words(
    "Adler Albrecht Altmann Amsel Arnold Auerbach Bachmann Baldur Bauer Becker Berger Bergmann "
    "Birke Blank Bogner Brandt Brenner Brückner Busch Clausen Dahl Decker Diehl Dorn Dreyer Ebner "
    "Eichhorn Elbe Engel Erhardt Falk Feldmann Fischer Franke Frey Fuchs Gebhardt Geiger Gerlach "
    "Graf Grünwald Haas Hagen Hansen Harz Hartmann Heinrich Herzog Hoffmann Huber Isar Jansen "
    "Jäger Kaiser Keller Kern Kessler Klein Koch Köhler Krüger Kuhn Lang Lehmann Lenz Lindner "
    "Lorenz Ludwig Maier Main Marx Meister Merkel Moritz Möller Nagel Neumann Nordmann Nowak "
    "Oswald Otto Paulsen Peters Pfeiffer Pohl Quandt Raabe Reich Reuter Richter Riedel Ritter "
    "Roth Sachs Sander Schiller Schneider Schröder Schubert Seidel Simon Sommer Stark Stein "
    "Thoma Ulrich Vogel Voss Wagner Walter Weber Weiss Wendt Winkler Wolff Zander Ziegler "
    "Abbott Ashford Atkins Barlow Baxter Beaumont Bishop Blackwood Bradley Brooks Burton Calder "
    "Carter Chandler Clayton Cooper Crawford Dalton Dawson Drake Ellis Fairfax Fletcher Foster "
    "Garner Gibson Grant Hale Harper Hayes Hudson Hughes Irving Keaton Knight Lawson Mercer "
    "Miller Morgan Newton Norwood Palmer Parker Porter Quinn Radley Reed Sawyer Sinclair Spencer "
    "Stafford Stone Sutton Thornton Turner Vance Walker Warren Webster Whitfield Wright York "
    "Bertrand Dumont Ferrer Garnier Moreau Navarro Rossi Santoro Lindqvist Nyström"
)
_TRADES_DE = _words(
    "Maschinenbau Logistik Medizintechnik Energie Software Werkzeuge Antriebstechnik Textil "
    "Elektronik Bau Handel Verpackung Pharma Umwelttechnik Messtechnik Stahl Möbel Optik "
    "Kunststoffe Systeme Versicherungen Druck Fahrzeugteile Lebensmittel Beratung Immobilien"
)
_TRADES_EN = _words(
    "Engineering Logistics Medical Energy Software Tools Dynamics Textiles Electronics "
    "Construction Trading Packaging Pharma Environmental Instruments Steel Furniture Optics "
    "Plastics Systems Insurance Media Automotive Foods Consulting Properties"
)
_FORMS = {
    "Germany": ("GmbH", "GmbH", "GmbH", "AG", "GmbH & Co. KG", "KG", "SE"),
    "Austria": ("GmbH", "GmbH", "AG", "KG"),
    "Switzerland": ("AG", "AG", "GmbH", "S.A."),
    "United Kingdom": ("Ltd", "Ltd", "Ltd", "plc", "LLP"),
    "United States": ("Inc.", "Inc.", "LLC", "Corp."),
    "France": ("S.A.", "SAS", "SARL"),
    "Netherlands": ("B.V.", "B.V.", "N.V."),
}
_ENDINGS = {
    "Germany": "de",
    "Austria": "at",
    "Switzerland": "ch",
    "United Kingdom": "co.uk",
    "United States": "com",
    "France": "fr",
    "Netherlands": "nl",
}
COUNTRIES = (*("Germany",) * 11, *_FORMS, "United Kingdom", "United States", "United States")
INDUSTRIES = (
    "Manufacturing",
    "Transportation",
    "Healthcare",
    "Energy",
    "Technology",
    "Retail",
    "Electronics",
    "Construction",
    "Insurance",
    "Media",
    "Consulting",
    "Food & Beverage",
)
_FIRST_DE = _words(
    "Andreas Anja Anna Bernd Birgit Carina Christian Claudia Daniel Dieter Elena Emre Eva Felix "
    "Florian Franziska Georg Hannah Heike Ines Jan Jana Jonas Jürgen Julia Karin Katharina Klaus "
    "Lara Lena Leon Lukas Manfred Maria Markus Martina Matthias Mehmet Michael Nadine Nicole Nina "
    "Oliver Paul Petra Philipp Rainer Sabine Sandra Sebastian Silke Simon Sofia Stefan Susanne "
    "Sven Tanja Thomas Tobias Ulrike Ursula Uwe Vera Wolfgang Yusuf"
)
_FIRST_EN = _words(
    "Aaron Abigail Alice Amy Andrew Beth Brian Caroline Charles Chloe Daniel David Diana Edward "
    "Emily Emma Ethan Fiona Frank George Grace Hannah Harry Helen Isaac James Jane Jennifer John "
    "Joseph Karen Kate Kevin Laura Liam Linda Lucy Mark Mary Matthew Megan Nathan Oliver Olivia "
    "Patrick Paul Peter Priya Rachel Richard Robert Ruth Sam Sarah Sophie Steven Susan Thomas "
    "Tina Victoria William Zoe"
)
_SURNAMES_DE = _words(
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer "
    "Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange "
    "Schmitt Werner Krause Meier Lehmann Schmid Schulze Maier Köhler Herrmann König Walter Mayer "
    "Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller "
    "Günther Frank Berger Winkler Roth Beck Lorenz Baumann Yılmaz Kaya Nowak Kowalski"
)
_SURNAMES_EN = _words(
    "Smith Johnson Williams Brown Jones Davies Evans Wilson Thomas Roberts Taylor Walker Wright "
    "Robinson Thompson White Hughes Edwards Green Hall Wood Harris Lewis Martin Jackson Clarke "
    "Turner Hill Cooper Morris Ward Moore King Baker Harrison Morgan Patel Allen James Scott "
    "Phillips Watson Davis Parker Bennett Price Griffiths Kelly Simpson Marshall Collins Bell "
    "Shaw Murphy Miller Cox Richards Khan Singh Murray Chapman Palmer"
)

TITLES = (
    "CEO",
    "CFO",
    "CTO",
    "Head of Operations",
    "Head of IT",
    "Leiterin Einkauf",
    "Leiter Produktion",
    "Geschäftsführer",
    "Geschäftsführerin",
    "Project Manager",
    "Projektleitung",
    "IT Administrator",
    "Sachbearbeitung",
    "Business Analyst",
    "Key User",
    "Office Manager",
)
PRODUCTS = ("Core", "Reporting", "Automation", "Mobile", "Integration", "Premium Support")
FEATURES = ("dashboard", "reports", "automation", "mobile", "api")
FREE_MAIL = ("gmail.com", "gmx.de", "web.de", "outlook.com", "t-online.de", "hotmail.com")

SUBJECTS = {
    "mail_out": (
        "Rückfrage zu Ihrer Nachricht",
        "Unterlagen zum letzten Termin",
        "Your open questions",
        "Next steps",
        "Angebot wie besprochen",
        "Update to the rollout plan",
        "Einladung zum Anwendertreffen",
        "Follow-up",
    ),
    "mail_in": (
        "Re: Next steps",
        "AW: Unterlagen zum letzten Termin",
        "Question about our contract",
        "Frage zur Rechnung",
        "Re: Follow-up",
        "Neue Kollegin im Team",
        "Problem seit dem Update",
        "Termin verschieben",
    ),
    "call": ("Call", "Rückruf", "Telefonat", "Check-in call", "Anruf wegen Verlängerung"),
    "task": (
        "Angebot vorbereiten",
        "Prepare quarterly review",
        "Nutzungszahlen prüfen",
        "Send training material",
        "Vertrag prüfen",
        "Kontaktdaten aktualisieren",
    ),
    "meeting": (
        "Quarterly business review",
        "Jahresgespräch",
        "Statusrunde",
        "Roadmap workshop",
        "Jour fixe",
        "Training session",
        "Kick-off",
    ),
    "case": (
        "Login nicht möglich",
        "Export fails",
        "Frage zur Lizenz",
        "Slow dashboard",
        "Rechnung falsch",
        "Schnittstelle liefert keine Daten",
        "Cannot add user",
        "Fehlermeldung nach Update",
        "Reklamation zur Lieferung",
        "Feature request",
    ),
}

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i"})


@lru_cache(maxsize=4_096)
def plain(text: str) -> str:
    """Text as it stands in an e-mail address or a domain: lower case, ASCII, no blanks."""
    spelled = text.lower().translate(_LETTERS)
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return "".join(letter for letter in ascii_only if letter.isalnum() or letter == "-")


def company(rng: Random, country: str, number: int) -> tuple[str, str]:
    """The name of a company and its domain; the domain is unique by `number`."""
    pick = rng.random
    roots, german = len(_ROOTS), country in {"Germany", "Austria", "Switzerland"}
    trades = _TRADES_DE if german else _TRADES_EN
    first = _ROOTS[int(pick() * roots)]
    trade = trades[int(pick() * len(trades))]
    form = _FORMS[country][int(pick() * len(_FORMS[country]))]
    second = _ROOTS[int(pick() * roots)]
    stem = f"{first} & {second}" if pick() < 0.3 and second != first else f"{first} {trade}"
    return f"{stem} {form}", f"{plain(first)}-{plain(trade)}{number}.{_ENDINGS[country]}"


def lookalike(rng: Random, name: str) -> str:
    """Another company's name that reads like this one: other spelling, other legal form."""
    stem, _, form = name.rpartition(" ")
    variants = (name.upper(), f"{stem} Holding {form}", f"{stem.replace('&', 'und')} {form}", stem)
    return variants[int(rng.random() * len(variants))]


def person(rng: Random, *, german: bool) -> tuple[str, str]:
    """First and last name of somebody."""
    pick = rng.random
    first, last = (_FIRST_DE, _SURNAMES_DE) if german else (_FIRST_EN, _SURNAMES_EN)
    return first[int(pick() * len(first))], last[int(pick() * len(last))]
