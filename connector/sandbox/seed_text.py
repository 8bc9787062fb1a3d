"""What the customers of the seeded world say: comments by language, theme and mood."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Labels as a survey platform's text analysis names them, in the order of the tables below.
THEMES = ("Support", "Price", "Product", "Onboarding", "Delivery", "People")

#: language → theme → mood → comments.
COMMENTS: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "de": {
            "Support": {
                "positive": (
                    "Der Support antwortet schnell und löst das Problem beim ersten Mal.",
                    "Auf das Ticket kam nach zehn Minuten eine Antwort, die geholfen hat.",
                    "Super Hotline, man spricht mit Leuten, die sich auskennen.",
                    "Bei der Störung im Juli wurden wir vorbildlich informiert.",
                    "Der Support ist mit Abstand der beste, den wir kennen.",
                ),
                "neutral": (
                    "Der Support ist in Ordnung, könnte am Freitagnachmittag aber besser sein.",
                    "Die Antworten vom Support sind mal schnell, mal langsam.",
                ),
                "negative": (
                    "Tickets bleiben tagelang liegen, niemand fühlt sich zuständig.",
                    "Die Hotline kennt unser System nicht, wir erklären jedes Mal alles neu.",
                    "Drei Wochen Wartezeit auf eine Antwort sind nicht akzeptabel!",
                    "Vom Support hören wir nur Ausreden und Textbausteine.",
                    "Kritisches Ticket, und am Wochenende war der Support nicht erreichbar.",
                ),
            },
            "Price": {
                "positive": (
                    "Preis und Leistung passen für uns sehr gut zusammen.",
                    "Faires Lizenzmodell, keine versteckten Kosten.",
                    "Die Rechnung ist verständlich und die Kosten sind planbar.",
                    "Im Vergleich zum Wettbewerb günstig und trotzdem besser.",
                    "Der neue Tarif spart uns spürbar Kosten.",
                ),
                "neutral": (
                    "Der Preis ist nicht niedrig, aber noch vertretbar.",
                    "Bei den Kosten für kleine Standorte wünschen wir uns ein anderes Modell.",
                ),
                "negative": (
                    "Die Preiserhöhung um zwölf Prozent war nicht angekündigt.",
                    "Für den Umfang, den wir nutzen, ist der Preis viel zu hoch.",
                    "Jede Rechnung ist falsch und muss korrigiert werden.",
                    "Zusatzmodule kosten extra, das stand so nicht im Angebot. Zu teuer!",
                    "Der Wettbewerb bietet dasselbe zum halben Preis.",
                ),
            },
            "Product": {
                "positive": (
                    "Das Produkt läuft stabil und macht genau, was es soll.",
                    "Die neuen Auswertungen sparen uns jeden Monat zwei Tage Arbeit.",
                    "Einfache Bedienung, auch für Kollegen ohne IT-Hintergrund.",
                    "Die Software ist aus unserem Alltag nicht mehr wegzudenken.",
                    "Die Schnittstelle zum ERP funktioniert tadellos.",
                ),
                "neutral": (
                    "Die Oberfläche ist funktional, aber etwas in die Jahre gekommen.",
                    "Gutes Produkt, die mobile Version könnte mehr Funktionen haben.",
                ),
                "negative": (
                    "Nach jedem Update funktioniert etwas anderes nicht mehr.",
                    "Die Software ist so langsam, dass die Kollegen wieder Excel nehmen.",
                    "Seit Monaten warten wir auf eine Funktion, die versprochen war.",
                    "Der Export stürzt ab, sobald mehr als tausend Zeilen dabei sind.",
                    "Die Bedienung ist umständlich und die Suche findet nichts.",
                ),
            },
            "Onboarding": {
                "positive": (
                    "Die Einführung war in vier Wochen erledigt, besser als geplant.",
                    "Sehr gute Schulung, das ganze Team konnte sofort loslegen.",
                    "Das Onboarding war klar strukturiert und gut betreut.",
                    "Die Datenübernahme aus dem Altsystem hat reibungslos geklappt.",
                    "Tolle Unterlagen zum Einstieg, wir brauchten kaum Hilfe.",
                ),
                "neutral": (
                    "Die Einführung lief, nur die Schulung kam etwas spät.",
                    "Das Onboarding war gut, danach waren wir etwas auf uns gestellt.",
                ),
                "negative": (
                    "Nach einem halben Jahr ist die Einführung immer noch nicht fertig.",
                    "Die Schulung bestand aus einem Video, das niemandem geholfen hat.",
                    "Beim Onboarding wechselte dreimal der Ansprechpartner.",
                    "Die Migration hat Daten verloren, die Einrichtung war ein Chaos.",
                    "Ohne eigene IT ist die Einrichtung nicht zu schaffen.",
                ),
            },
            "Delivery": {
                "positive": (
                    "Lieferung am nächsten Tag, alles vollständig.",
                    "Termine werden eingehalten, das ist heute selten.",
                    "Die Lieferung war sogar früher da als zugesagt.",
                    "Sauber verpackt und pünktlich geliefert.",
                    "Auch Sonderwünsche werden termingerecht umgesetzt.",
                ),
                "neutral": (
                    "Die Lieferung war pünktlich, ein Teil fehlte aber.",
                    "Liefertermine sind meist richtig, bei Sonderteilen dauert es länger.",
                ),
                "negative": (
                    "Zum dritten Mal wurde der Liefertermin ohne Nachricht verschoben.",
                    "Die Lieferung war unvollständig und beschädigt.",
                    "Unsere Produktion stand still, weil die Lieferung nicht kam.",
                    "Die Verzögerung beim Projekt hat uns einen Kunden gekostet.",
                    "Keine Auskunft, wann geliefert wird. Termin wieder geplatzt.",
                ),
            },
            "People": {
                "positive": (
                    "Unsere Ansprechpartnerin denkt mit und meldet sich von selbst.",
                    "Das Team ist freundlich, ehrlich und immer erreichbar.",
                    "Man merkt, dass der Berater unser Geschäft verstanden hat.",
                    "Die Betreuung ist persönlich, das schätzen wir sehr.",
                    "Danke an das ganze Team, die Zusammenarbeit macht Freude!",
                ),
                "neutral": (
                    "Der Ansprechpartner ist nett, hat aber zu wenig Zeit.",
                    "Betreuung gut, nach dem Wechsel müssen wir uns erst eingewöhnen.",
                ),
                "negative": (
                    "Seit dem Wechsel des Ansprechpartners hören wir nichts mehr.",
                    "Unser Betreuer verspricht viel und hält wenig.",
                    "Man meldet sich nur, wenn die Verlängerung ansteht.",
                    "Der Ton im letzten Gespräch war unmöglich, das Team wirkt überfordert.",
                    "Keiner aus dem Team ruft zurück, wir fühlen uns allein gelassen.",
                ),
            },
        },
        "en": {
            "Support": {
                "positive": (
                    "Support answers fast and fixes it the first time.",
                    "Our ticket was solved within the hour, brilliant.",
                    "The helpdesk knows the product inside out.",
                    "We were kept informed all through the July outage.",
                    "Best support team of any vendor we work with.",
                ),
                "neutral": (
                    "Support is fine, a bit slow late on Fridays.",
                    "Some tickets are quick, others take a while.",
                ),
                "negative": (
                    "Tickets sit for days and nobody owns them.",
                    "We explain our setup from scratch on every support call.",
                    "Three weeks for an answer is not acceptable!",
                    "Support only sends canned replies.",
                    "Critical ticket on Saturday and the helpdesk was unreachable.",
                ),
            },
            "Price": {
                "positive": (
                    "Good value, we get more than we pay for.",
                    "Fair licence model with no hidden cost.",
                    "Invoices are clear and the cost is predictable.",
                    "Cheaper than the competition and still better.",
                    "The new plan lowered our cost noticeably.",
                ),
                "neutral": (
                    "The price is not low but still reasonable.",
                    "We would like another price model for small sites.",
                ),
                "negative": (
                    "A price increase of twelve percent without notice.",
                    "Far too expensive for the part we actually use.",
                    "Every single invoice is wrong and needs correcting.",
                    "Add-ons cost extra although the quote said otherwise.",
                    "A competitor offers the same at half the price.",
                ),
            },
            "Product": {
                "positive": (
                    "The product is stable and does exactly what it should.",
                    "The new reports save us two days every month.",
                    "Easy to use, even for colleagues who are not technical.",
                    "We could not run our day without the software.",
                    "The ERP integration works flawlessly.",
                ),
                "neutral": (
                    "The interface works but looks dated.",
                    "Good product, the mobile app lacks a few features.",
                ),
                "negative": (
                    "Every update breaks something else.",
                    "The software is so slow that people went back to Excel.",
                    "We have waited months for a feature that was promised.",
                    "The export crashes beyond a thousand rows.",
                    "Clumsy interface and the search finds nothing.",
                ),
            },
            "Onboarding": {
                "positive": (
                    "Rolled out in four weeks, ahead of plan.",
                    "Great training, the whole team was productive at once.",
                    "Onboarding was well structured and well guided.",
                    "The migration from our old system went smoothly.",
                    "Excellent onboarding material, we hardly needed help.",
                ),
                "neutral": (
                    "The rollout went fine, the training came a bit late.",
                    "Onboarding was good, afterwards we were on our own.",
                ),
                "negative": (
                    "Half a year in and the rollout is still not finished.",
                    "The training was one video that helped nobody.",
                    "Our onboarding contact changed three times.",
                    "The migration lost data and the setup was chaos.",
                    "Without an IT department the setup is impossible.",
                ),
            },
            "Delivery": {
                "positive": (
                    "Delivered the next day and complete.",
                    "Deadlines are kept, which is rare these days.",
                    "The delivery even arrived earlier than promised.",
                    "Well packed and on time.",
                    "Special requests are delivered on schedule too.",
                ),
                "neutral": (
                    "The delivery was on time but one part was missing.",
                    "Deadlines are mostly right, special parts take longer.",
                ),
                "negative": (
                    "The delivery date moved a third time without a word.",
                    "The delivery was incomplete and damaged.",
                    "Our line stood still because the delivery did not come.",
                    "The project delay cost us a customer.",
                    "No information on when we get our order, deadline missed again.",
                ),
            },
            "People": {
                "positive": (
                    "Our account manager thinks ahead and calls us first.",
                    "The team is friendly, honest and always reachable.",
                    "The consultant really understands our business.",
                    "Personal attention, which we value a lot.",
                    "Thanks to the whole team, a pleasure to work with!",
                ),
                "neutral": (
                    "Our contact is nice but has too little time.",
                    "Good people, we are still getting used to the new account manager.",
                ),
                "negative": (
                    "Since our account manager left we hear nothing.",
                    "Our contact promises a lot and keeps little.",
                    "You only call when the renewal is due.",
                    "The tone of the last call was out of line, the team seems overworked.",
                    "Nobody from the team calls back, we feel left alone.",
                ),
            },
        },
    }
)

#: language → theme → words that the text analysis recognises.
KEYWORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "de": {
            "Support": ("Support", "Ticket", "Hotline", "Störung"),
            "Price": ("Preis", "Kosten", "Rechnung", "teuer"),
            "Product": ("Produkt", "Software", "Update", "Export", "Bedienung", "Oberfläche"),
            "Onboarding": ("Onboarding", "Einführung", "Schulung", "Migration", "Einrichtung"),
            "Delivery": ("Lieferung", "Liefertermin", "Termin", "Verzögerung", "geliefert"),
            "People": ("Ansprechpartner", "Team", "Betreuung", "Betreuer", "Berater"),
        },
        "en": {
            "Support": ("support", "ticket", "helpdesk", "outage"),
            "Price": ("price", "cost", "invoice", "expensive"),
            "Product": ("product", "software", "update", "export", "interface", "report"),
            "Onboarding": ("onboarding", "rollout", "training", "migration", "setup"),
            "Delivery": ("delivery", "delivered", "deadline", "delay", "on time"),
            "People": ("account manager", "team", "contact", "consultant", "call"),
        },
    }
)

#: Words about the same thing in both languages, for a comment that touches a second theme.
LINKS: Mapping[str, str] = MappingProxyType({"de": " Außerdem: ", "en": " Also: "})


def labels_of(comment: str, language: str) -> dict[str, list[str]]:
    """The themes a comment touches, each with the words that gave it away."""
    text = comment.casefold()
    found = {
        theme: [word for word in words if word.casefold() in text]
        for theme, words in KEYWORDS[language].items()
    }
    return {theme: words for theme, words in found.items() if words}
