"""Texts of setup and self-test."""

from __future__ import annotations

from dashboard.text import Text

TEXTS: dict[str, Text] = {
    "commission.title": Text("Setup", "Einrichten"),
    "commission.camera": Text("Camera", "Kamera"),
    "commission.camera_hint": Text(
        "Every picture that is taken shows here. Move a part under the camera, then turn focus and light until the bars stand right",
        "Jedes aufgenommene Bild erscheint hier. Teil unter die Kamera bewegen, dann Schärfe und Licht stellen, bis die Balken stimmen",
    ),
    "commission.no_picture": Text("No picture yet", "Noch kein Bild"),
    "commission.focus": Text("Sharpness", "Schärfe"),
    "commission.focus_note": Text("{share} of the best seen so far", "{share} des besten bisher"),
    "commission.focus_reset": Text("Begin anew", "Neu beginnen"),
    "commission.brightness": Text("Brightness", "Helligkeit"),
    "commission.brightness_note": Text("mean {mean} of 255, spread {spread}", "Mittel {mean} von 255, Streuung {spread}"),
    "commission.dark": Text("Too dark (black)", "Zu dunkel (schwarz)"),
    "commission.bright": Text("Too bright (white)", "Zu hell (weiß)"),
    "commission.zebra": Text("Mark black and white places", "Schwarze und weiße Stellen markieren"),
    "commission.cross": Text("Cross-hairs", "Fadenkreuz"),
    "commission.actual": Text("Actual size (of the preview)", "Wahre Größe (der Vorschau)"),
    "commission.histogram": Text("How many pixels are how bright", "Wie viele Bildpunkte wie hell sind"),
    "commission.ejector": Text("Trigger and ejector", "Trigger und Auswerfer"),
    "commission.ejector_hint": Text(
        "Ejects exactly one part, the next, whatever its verdict. It is no mode: without a part it ends by itself after a minute, and nothing passes that would not have passed",
        "Wirft genau ein Teil aus, das nächste, gleich wie geurteilt wird. Kein Modus: Ohne Teil endet es nach einer Minute von selbst, und nichts geht durch, was sonst nicht durchginge",
    ),
    "commission.eject": Text("Eject the next part", "Nächstes Teil auswerfen"),
    "commission.eject_waits": Text("Waiting for the next part …", "Warte auf das nächste Teil …"),
    "commission.eject_result": Text(
        "Part {part}: {outcome}, {offset} ms from the ideal moment", "Teil {part}: {outcome}, {offset} ms neben dem idealen Moment"
    ),
    "commission.eject_lapsed": Text("No part came; the test has ended", "Es kam kein Teil; der Test ist beendet"),
    "commission.count.triggers": Text("Triggers", "Trigger"),
    "commission.count.verdicts": Text("Verdicts", "Urteile"),
    "commission.count.passed": Text("Passed", "Durchgelassen"),
    "commission.count.ejected": Text("Ejected and confirmed", "Ausgeworfen und bestätigt"),
    "commission.count.missed": Text("Not confirmed", "Unbestätigt"),
    "commission.count.no_verdict": Text("Without a verdict", "Ohne Urteil"),
    "commission.count.late": Text("Verdict too late", "Urteil zu spät"),
    "commission.plc": Text("Signals of the PLC", "Signale der SPS"),
    "commission.plc_to": Text("We say", "Wir sagen"),
    "commission.plc_from": Text("The PLC says", "Die SPS sagt"),
    "commission.plc_beat": Text("heartbeat {age} s ago", "Herzschlag vor {age} s"),
    "commission.plc_signal": Text("Signal", "Signal"),
    "commission.plc_value": Text("Value", "Wert"),
    "commission.plc_unit": Text("Unit", "Einheit"),
    "commission.plc_none": Text(
        "The simulated line has no signals on a wire; with a PLC on Modbus they show here",
        "Die simulierte Linie hat keine Signale auf einer Leitung; mit einer SPS über Modbus stehen sie hier",
    ),
    "selftest.title": Text("Self-test", "Selbsttest"),
    "selftest.hint": Text(
        "Known bad and known good reference parts go through the whole chain up to the confirmed ejection. Nothing of the verdict is forced",
        "Bekannte Schlecht- und Gutteile gehen durch die ganze Kette bis zum bestätigten Auswurf. Am Urteil wird nichts erzwungen",
    ),
    "selftest.due": Text("This shift still needs a self-test", "Diese Schicht braucht noch einen Selbsttest"),
    "selftest.begin": Text("Begin the self-test", "Selbsttest beginnen"),
    "selftest.again": Text("Test again", "Noch einmal testen"),
    "selftest.in": Text("The part is on its way", "Das Teil ist unterwegs"),
    "selftest.give_up": Text("Give up", "Abbrechen"),
    "selftest.kind.bad": Text("BAD part", "SCHLECHTTEIL"),
    "selftest.kind.good": Text("GOOD part", "GUTTEIL"),
    "selftest.put.bad": Text(
        "Put the known BAD reference part on the belt, as the next part", "Das bekannte SCHLECHTE Referenzteil als nächstes Teil auflegen"
    ),
    "selftest.put.good": Text(
        "Put the known GOOD reference part on the belt, as the next part", "Das bekannte GUTE Referenzteil als nächstes Teil auflegen"
    ),
    "selftest.then": Text("Press the button just before it reaches the camera", "Den Knopf drücken, kurz bevor es die Kamera erreicht"),
    "selftest.waits": Text("Waiting for the next part …", "Warte auf das nächste Teil …"),
    "selftest.judged": Text("Judged {verdict}; waiting for the ejector …", "Urteil {verdict}; warte auf den Auswerfer …"),
    "selftest.passed": Text("PASSED", "BESTANDEN"),
    "selftest.passed_hint": Text(
        "Every reference part was judged and handled as it should be", "Jedes Referenzteil wurde richtig beurteilt und behandelt"
    ),
    "selftest.failed": Text("FAILED", "NICHT BESTANDEN"),
    "selftest.failed_hint": Text(
        "The line is stopped. Parts that passed since the last good test may hold escapes: set them aside and check them",
        "Die Linie ist gestoppt. Seit dem letzten guten Test durchgelassene Teile können Schlupf enthalten: aussondern und prüfen",
    ),
    "selftest.given_up": Text("Given up; nothing is known", "Abgebrochen; nichts ist bekannt"),
    "selftest.state.waiting": Text("to come", "kommt noch"),
    "selftest.state.judged": Text("judged", "beurteilt"),
    "selftest.state.passed": Text("as it should be", "wie es sein soll"),
    "selftest.state.failed": Text("wrong", "falsch"),
    "selftest.record": Text("Tests so far", "Bisherige Tests"),
    "selftest.none": Text("None yet", "Noch keine"),
    "selftest.when": Text("When", "Wann"),
    "selftest.who": Text("Who", "Wer"),
    "selftest.result": Text("Result", "Ergebnis"),
    "selftest.parts": Text("Parts", "Teile"),
    "selftest.recipe": Text("Recipe", "Rezept"),
    "selftest.why.judged": Text("judged {verdict}", "Urteil {verdict}"),
    "selftest.by": Text("Test of {who}", "Test von {who}"),
}
