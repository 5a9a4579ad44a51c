"""Every text of the pages, English and German side by side: a key with one language missing cannot be written down.

Keys are `place.name`. `{name}` in a text is filled in by the page; both languages carry the same ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from dashboard.models.texts import TEXTS as MODELS
from dashboard.parts.texts import TEXTS as PARTS
from dashboard.people.texts import TEXTS as PEOPLE
from dashboard.recipes.texts import RECIPES
from dashboard.report.texts import TEXTS as REPORT
from dashboard.review.texts import TEXTS as REVIEW
from dashboard.setup.texts import TEXTS as SETUP
from dashboard.statistics.texts import TEXTS as STATISTICS
from dashboard.text import Text

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = ("en", "de")

_FRAME: dict[str, Text] = {
    "frame.navigation": Text("Pages", "Seiten"),
    "frame.login": Text("Log in", "Anmelden"),
    "frame.logout": Text("Log out", "Abmelden"),
    "frame.fault": Text(
        "This page has failed. The line does not depend on it; the dashboard's log says why.",
        "Diese Seite ist fehlgeschlagen. Die Linie hängt nicht davon ab; das Protokoll der Anzeige sagt, warum.",
    ),
    "frame.me": Text("My account", "Mein Konto"),
    "frame.session_over": Text(
        "You are no longer logged in; log in and try again", "Sie sind nicht mehr angemeldet; anmelden und noch einmal versuchen"
    ),
    "frame.not_allowed": Text("{name} may not do this; ask an admin", "{name} darf das nicht; bitte Administrator fragen"),
    "frame.cancel": Text("Cancel", "Abbrechen"),
    "role.viewer": Text("Viewer", "Betrachter"),
    "role.operator": Text("Operator", "Bediener"),
    "role.engineer": Text("Engineer", "Ingenieur"),
    "role.quality": Text("Quality manager", "Qualitätsleitung"),
    "role.admin": Text("Admin", "Administrator"),
    "frame.language": Text("Language", "Sprache"),
    "frame.theme": Text("Switch between dark and light", "Zwischen dunkel und hell wechseln"),
    "frame.simulated": Text("SIMULATED", "SIMULIERT"),
    "frame.simulated_hint": Text("no real parts", "keine echten Teile"),
    "frame.station": Text("Station", "Station"),
    "frame.skip": Text("Skip to the content", "Zum Inhalt springen"),
    "page.line": Text("Line", "Linie"),
    # the huge word
    "word.OK": Text("OK", "OK"),
    "word.NG": Text("NG", "NG"),
    "word.UNDECIDED": Text("UNDECIDED", "UNKLAR"),
    "word.STOPPED": Text("STOPPED", "GESTOPPT"),
    "word.WAITING": Text("WAITING", "WARTET"),
    "word.OFFLINE": Text("NO CONNECTION", "KEINE VERBINDUNG"),
    "means.OK": Text("Good part, may pass", "Gutteil, darf passieren"),
    "means.NG": Text("Bad part, is rejected", "Schlechtteil, wird ausgeschleust"),
    "means.UNDECIDED": Text(
        "Cannot be judged, is rejected and kept for a person", "Nicht beurteilbar, wird ausgeschleust und von Menschen geprüft"
    ),
    # why there is no verdict on the screen: code → what, and what to do
    "reason.connecting": Text("Looking for the station", "Station wird gesucht"),
    "remedy.connecting": Text("One moment", "Einen Moment"),
    "reason.starting": Text("The station is starting", "Die Station startet"),
    "remedy.starting": Text("The model is being loaded and warmed up", "Das Modell wird geladen und warmgefahren"),
    "reason.no-parts": Text("No part is coming", "Es kommt kein Teil"),
    "remedy.no-parts": Text(
        "The line is ready. If parts should be running, check the belt and the part sensor",
        "Die Linie ist bereit. Sollten Teile laufen, Band und Teilesensor prüfen",
    ),
    "reason.station-lost": Text("The station is silent or not ready", "Die Station schweigt oder ist nicht bereit"),
    "remedy.station-lost": Text(
        "It is started again by itself. If this lasts, restart the appliance and call maintenance",
        "Sie startet von selbst neu. Dauert es an: Gerät neu starten und Instandhaltung rufen",
    ),
    "reason.station-fault": Text("The station reports a fault", "Die Station meldet eine Störung"),
    "remedy.station-fault": Text("See the alarms, then call maintenance", "Meldungen ansehen, dann Instandhaltung rufen"),
    "reason.rejector-lost": Text(
        "The reject control is silent: every part is ejected", "Die Ausschleus-Steuerung schweigt: jedes Teil wird ausgeschleust"
    ),
    "remedy.rejector-lost": Text(
        "It is started again by itself. If this lasts, restart the appliance and call maintenance",
        "Sie startet von selbst neu. Dauert es an: Gerät neu starten und Instandhaltung rufen",
    ),
    "reason.rejector-fault": Text("The reject control is not ready", "Die Ausschleus-Steuerung ist nicht bereit"),
    "remedy.rejector-fault": Text("Check the PLC, then call maintenance", "SPS prüfen, dann Instandhaltung rufen"),
    "reason.line-stopped": Text("The belt stands", "Das Band steht"),
    "remedy.line-stopped": Text("Start the line at its panel when it is clear", "Linie am Bedienpult starten, wenn sie frei ist"),
    "reason.plc-gone": Text("The PLC does not answer", "Die SPS antwortet nicht"),
    "remedy.plc-gone": Text(
        "Check the PLC and its cable; the line stands until it answers", "SPS und Kabel prüfen; die Linie steht, bis sie antwortet"
    ),
    "reason.heartbeat-lost": Text(
        "Station or reject control fell silent: the line was stopped", "Station oder Ausschleus-Steuerung schwieg: die Linie wurde gestoppt"
    ),
    "remedy.heartbeat-lost": Text(
        "See that both run, look at the parts on the belt, then acknowledge",
        "Prüfen, ob beide laufen, Teile auf dem Band ansehen, dann quittieren",
    ),
    "reason.no-verdicts": Text("Parts had no verdict: the line was stopped", "Teile blieben ohne Urteil: die Linie wurde gestoppt"),
    "remedy.no-verdicts": Text("Check camera and station, then acknowledge", "Kamera und Station prüfen, dann quittieren"),
    "reason.ejection-missed": Text(
        "A rejected part was not confirmed at the ejector: the line was stopped",
        "Ein Teil wurde ausgeschleust, aber nicht bestätigt: die Linie wurde gestoppt",
    ),
    "remedy.ejection-missed": Text(
        "Look for the part behind the ejector, check air and sensor, then acknowledge",
        "Teil hinter dem Auswerfer suchen, Druckluft und Sensor prüfen, dann quittieren",
    ),
    "reason.passed-without-ok": Text(
        "A part passed without an OK verdict: the line was stopped", "Ein Teil kam ohne OK-Urteil durch: die Linie wurde gestoppt"
    ),
    "remedy.passed-without-ok": Text(
        "Look for the part behind the ejector and keep it back. Have the PLC program checked before you acknowledge",
        "Teil hinter dem Auswerfer suchen und zurückhalten. Vor dem Quittieren das SPS-Programm prüfen lassen",
    ),
    "reason.bin-full": Text("The reject bin is full: the line was stopped", "Der Ausschussbehälter ist voll: die Linie wurde gestoppt"),
    "remedy.bin-full": Text("Empty the bin, then acknowledge", "Behälter leeren, dann quittieren"),
    "reason.stopped-by-person": Text("The line was stopped by a person", "Die Linie wurde von Hand gestoppt"),
    "remedy.stopped-by-person": Text("Acknowledge when the line may run again", "Quittieren, wenn die Linie wieder laufen darf"),
    "reason.machine-stop": Text("The line was stopped at the machine", "Die Linie wurde an der Maschine gestoppt"),
    "remedy.machine-stop": Text("See the machine, then acknowledge", "Maschine ansehen, dann quittieren"),
    "reason.parts-mixed-up": Text(
        "Pictures and parts do not belong together: the line was stopped",
        "Bilder und Teile gehören nicht zusammen: die Linie wurde gestoppt",
    ),
    "remedy.parts-mixed-up": Text(
        "Check part sensor, trigger wire and camera; take all parts off the belt, have PLC and camera count anew, then acknowledge",
        "Teilesensor, Triggerleitung und Kamera prüfen; alle Teile vom Band nehmen, SPS und Kamera neu zählen lassen, dann quittieren",
    ),
    "reason.model-refused": Text(
        "The model that was released cannot be used; the one before it judges on",
        "Das freigegebene Modell ist nicht brauchbar; das vorige urteilt weiter",
    ),
    "remedy.model-refused": Text(
        "Tell whoever looks after the models: gutteil models list",
        "Wer die Modelle betreut, soll nachsehen: gutteil models list",
    ),
    "reason.vision-stop": Text(
        "The reject control had stopped the line before it started anew",
        "Die Ausschleus-Steuerung hatte die Linie gestoppt, bevor sie neu startete",
    ),
    "remedy.vision-stop": Text(
        "See what was alarmed then, look at the parts on the belt, then acknowledge",
        "Ansehen, was damals gemeldet war, Teile auf dem Band ansehen, dann quittieren",
    ),
    "reason.trigger-unnumbered": Text("A picture came without the number of its trigger", "Ein Bild kam ohne die Nummer seines Triggers"),
    "remedy.trigger-unnumbered": Text(
        "Have the camera triggered by the part sensor, and check the trigger wire",
        "Kamera vom Teilesensor triggern lassen und Triggerleitung prüfen",
    ),
    "reason.recipe-refused": Text(
        "The recipe that the PLC asks for cannot be loaded", "Das von der SPS verlangte Rezept lässt sich nicht laden"
    ),
    "remedy.recipe-refused": Text(
        "Ask for another recipe at the machine, or have this one mended",
        "An der Maschine ein anderes Rezept wählen oder dieses richten lassen",
    ),
    "reason.camera-gone": Text("The camera does not answer", "Die Kamera antwortet nicht"),
    "remedy.camera-gone": Text(
        "Check the camera's cable and power; it is reopened by itself",
        "Kabel und Stromversorgung der Kamera prüfen; sie wird von selbst wieder geöffnet",
    ),
    "reason.camera-blind": Text("The camera sees nothing usable", "Die Kamera sieht nichts Brauchbares"),
    "remedy.camera-blind": Text("Check the camera, its light and its lens", "Kamera, Licht und Objektiv prüfen"),
    "reason.recorder-lost": Text("Nothing is being recorded", "Es wird nichts aufgezeichnet"),
    "remedy.recorder-lost": Text(
        "Parts are still judged. The recorder is started again by itself; if this lasts, check the disk",
        "Teile werden weiter geprüft. Der Schreiber startet von selbst neu; dauert es an: Festplatte prüfen",
    ),
    "reason.record-not-kept": Text("Records or pictures are not being kept", "Daten oder Bilder werden nicht aufbewahrt"),
    "remedy.record-not-kept": Text(
        "Parts are still judged. Check the disk: room, and that it can be written",
        "Teile werden weiter geprüft. Festplatte prüfen: Platz und Schreibrechte",
    ),
    "reason.nothing-to-delete": Text(
        "The disk is filling up, and nothing may be deleted", "Der Speicher läuft voll, und nichts darf gelöscht werden"
    ),
    "remedy.nothing-to-delete": Text(
        "Parts are still judged. Release settled holds, delete other files, or give the record a larger disk",
        "Teile werden weiter geprüft. Erledigte Sperren aufheben, andere Dateien löschen oder größeren Speicher einbauen",
    ),
    "reason.cannot-delete": Text("Old pictures cannot be deleted", "Alte Bilder lassen sich nicht löschen"),
    "remedy.cannot-delete": Text(
        "Parts are still judged. Check rights and the disk, before it is full",
        "Teile werden weiter geprüft. Rechte und Festplatte prüfen, bevor sie voll ist",
    ),
    "reason.evidence-lost": Text("Pictures that were to be kept are lost", "Bilder, die aufzuheben waren, sind verloren"),
    "remedy.evidence-lost": Text(
        "Parts are still judged. The disk is too slow or full: free it",
        "Teile werden weiter geprüft. Festplatte zu langsam oder voll: Platz schaffen",
    ),
    "reason.messages-missed": Text("The recorder has missed messages", "Der Schreiber hat Nachrichten verpasst"),
    "remedy.messages-missed": Text(
        "Parts are still judged. The machine is overloaded, or the recorder was stopped",
        "Teile werden weiter geprüft. Der Rechner ist überlastet, oder der Schreiber stand",
    ),
    "reason.dashboard-stuck": Text("The dashboard does not hear the line", "Die Anzeige hört die Linie nicht"),
    "remedy.dashboard-stuck": Text(
        "The line may well be running: look at it. Restart the dashboard", "Die Linie kann trotzdem laufen: nachsehen. Anzeige neu starten"
    ),
    "reason.unknown": Text("A fault is reported", "Eine Störung wird gemeldet"),
    "remedy.unknown": Text("Call maintenance", "Instandhaltung rufen"),
    # when the page itself has lost the server
    "offline.title": Text("NOT LIVE", "NICHT LIVE"),
    "offline.text": Text(
        "This page has lost its connection. What it shows is old; the line may be running.",
        "Diese Seite hat die Verbindung verloren. Das Gezeigte ist alt; die Linie kann laufen.",
    ),
    "offline.remedy": Text("It reconnects by itself", "Sie verbindet sich von selbst neu"),
    "offline.connecting": Text("Connecting", "Verbindung wird aufgebaut"),
    # the last part
    "part.last": Text("Last part", "Letztes Teil"),
    "part.none": Text("No part yet", "Noch kein Teil"),
    "part.no_picture": Text("No picture", "Kein Bild"),
    "part.behind": Text("Old picture: that of the last part does not come", "Altes Bild: das des letzten Teils kommt nicht"),
    "part.image": Text("Picture of the last part", "Bild des letzten Teils"),
    "part.ago": Text("{age} ago", "vor {age}"),
    "part.late": Text("no part for {age}", "seit {age} kein Teil"),
    "part.more": Text("and {count} more", "und {count} weitere"),
    "part.doubtful": Text("doubtful", "zweifelhaft"),
    "part.allowed": Text("{count} allowed", "{count} erlaubt"),
    "part.outcome.passed": Text("passed", "durchgelassen"),
    "part.outcome.ejected": Text("ejected, confirmed", "ausgeschleust, bestätigt"),
    "part.outcome.missed": Text("NOT confirmed", "NICHT bestätigt"),
    "age.s": Text("{n} s", "{n} s"),
    "age.min": Text("{n} min", "{n} min"),
    "age.h": Text("{n} h", "{n} h"),
    # numbers
    "count.title": Text("Since the station started", "Seit Start der Station"),
    "count.span": Text("What is counted", "Was gezählt wird"),
    "count.shift": Text("Shift", "Schicht"),
    "count.run": Text("Run", "Lauf"),
    "count.of_shift": Text("Counts of the shift", "Zahlen der Schicht"),
    "count.of_run": Text("Counts of the run", "Zahlen des Laufs"),
    "count.since": Text("since {time}", "seit {time}"),
    "hour.label": Text("The last hour: {parts} parts, {rejected} rejected", "Die letzte Stunde: {parts} Teile, {rejected} ausgeschleust"),
    "hour.rejects": Text("rejects in 1 h", "Ausschuss in 1 h"),
    "hour.within": Text("usual {low}–{high}", "üblich {low}–{high}"),
    "hour.above": Text("above usual {low}–{high}", "über üblich {low}–{high}"),
    "hour.below": Text("below usual {low}–{high}", "unter üblich {low}–{high}"),
    # sounds
    "sound.title": Text("Sounds at this screen", "Töne an diesem Bildschirm"),
    "sound.on": Text("Sounds on", "Töne an"),
    "sound.volume": Text("Volume", "Lautstärke"),
    "sound.test_stop": Text("Try: line stopped", "Probe: Linie gestoppt"),
    "sound.test_ng": Text("Try: NG", "Probe: NG"),
    "sound.is_on": Text("Sounds are on", "Töne sind an"),
    "sound.is_off": Text("Sounds are off", "Töne sind aus"),
    "sound.blocked": Text("Sounds wait: the browser wants a touch first", "Töne warten: der Browser will erst eine Berührung"),
    "sound.tap": Text("Tap for sound", "Für Ton tippen"),
    "count.parts": Text("Parts", "Teile"),
    "count.yield": Text("Yield", "Gutanteil"),
    "count.rate": Text("Parts per min", "Teile pro min"),
    "count.passed": Text("passed", "durch"),
    "count.ejected": Text("ejected", "Auswurf"),
    "count.missed": Text("not confirmed", "unbestätigt"),
    # the strip
    "rejects.title": Text("Last rejects", "Letzte Ausschleusungen"),
    "rejects.none": Text("Nothing has been rejected yet", "Noch nichts ausgeschleust"),
    "rejects.open": Text("Show part {part}", "Teil {part} zeigen"),
    "viewer.title": Text("Rejected part", "Ausgeschleustes Teil"),
    "viewer.close": Text("Close", "Schließen"),
    "viewer.newer": Text("Newer part", "Neueres Teil"),
    "viewer.older": Text("Older part", "Älteres Teil"),
    "viewer.defects": Text("Defects", "Fehler"),
    "viewer.no_defects": Text("No defect found", "Kein Fehler gefunden"),
    "viewer.part": Text("Part", "Teil"),
    "viewer.time": Text("Time", "Zeit"),
    "viewer.took": Text("Trigger to verdict", "Trigger bis Urteil"),
    "viewer.outcome": Text("Ejector", "Auswerfer"),
    "viewer.reasons": Text("Reason", "Grund"),
    # alarms
    "alarms.title": Text("Alarms", "Meldungen"),
    "alarms.severity.fault": Text("Fault", "Störung"),
    "alarms.severity.warning": Text("Warning", "Warnung"),
    "alarms.severity.info": Text("Note", "Hinweis"),
    "alarms.see": Text("Seen", "Gesehen"),
    "alarms.seen_by": Text("seen by {name}, {time}", "gesehen: {name}, {time}"),
    "alarms.login": Text("Log in", "Anmelden"),
    # letting the line run again
    "ack.reason": Text("Reason (optional)", "Grund (freiwillig)"),
    "ack.button": Text("Acknowledge", "Quittieren"),
    "ack.as": Text("in the name of {name}", "im Namen von {name}"),
    "ack.other": Text("Somebody else", "Jemand anderes"),
    "ack.may_not": Text("{name} may not acknowledge", "{name} darf nicht quittieren"),
    "ack.login": Text("Log in to acknowledge", "Zum Quittieren anmelden"),
    "ack.refused": Text("Not accepted: {why}", "Nicht angenommen: {why}"),
    "ack.last": Text("Last acknowledged: {name}, {time} · {text}", "Zuletzt quittiert: {name}, {time} · {text}"),
    # the health row
    "health.title": Text("Health", "Zustand"),
    "health.camera": Text("Camera", "Kamera"),
    "health.model": Text("Model", "Modell"),
    "health.plc": Text("PLC", "SPS"),
    "health.ejector": Text("Ejector", "Auswerfer"),
    "health.recorder": Text("Recorder", "Schreiber"),
    "health.disk": Text("Disk", "Speicher"),
    "health.bus": Text("Bus", "Bus"),
    "health.shadow": Text("Shadow", "Schatten"),
    "note.ok": Text("OK", "OK"),
    "note.ms": Text("{n} ms", "{n} ms"),
    "note.late": Text("slow", "langsam"),
    "note.silent": Text("silent", "schweigt"),
    "note.never-heard": Text("not heard yet", "noch nicht gehört"),
    "note.no-word": Text("unknown", "unbekannt"),
    "note.starting": Text("starting", "startet"),
    "note.fault": Text("fault", "Störung"),
    "note.missed": Text("{n} not confirmed", "{n} unbestätigt"),
    "note.pictures-lost": Text("{n} pictures lost", "{n} Bilder verloren"),
    "note.gaps": Text("{n} gaps", "{n} Lücken"),
    "note.not-kept": Text("nothing is kept", "nichts wird bewahrt"),
    "note.full": Text("full", "voll"),
    "note.oldest-go": Text("full: oldest go", "voll: Ältestes geht"),
    "note.free": Text("{n} GB free", "{n} GB frei"),
    "note.days": Text("room: {n} d", "Platz: {n} d"),
    "note.hours": Text("room: {n} h", "Platz: {n} h"),
    "note.no-model": Text("no model", "kein Modell"),
    # kinds of defect that the shipped models know; others are shown as the model names them
    "kind.open": Text("open", "Unterbrechung"),
    "kind.short": Text("short", "Kurzschluss"),
    "kind.mousebite": Text("mouse bite", "Mausbiss"),
    "kind.spur": Text("spur", "Sporn"),
    "kind.copper": Text("spurious copper", "Kupferrest"),
    "kind.pin-hole": Text("pinhole", "Pinhole"),
}


# every page's table; a key that two of them have is an error at import
TEXTS: dict[str, Text] = {}
for _table in (
    _FRAME,
    MODELS,
    PEOPLE,
    SETUP,
    PARTS,
    REVIEW,
    REPORT,
    STATISTICS,
    RECIPES,
):
    if twice := TEXTS.keys() & _table.keys():
        raise RuntimeError(f"texts that are written down twice: {sorted(twice)}")
    TEXTS.update(_table)


@lru_cache(len(LANGUAGES))
def texts_of(language: Language) -> dict[str, str]:
    """All texts of one language, for the pages; the same object each time, not to be changed."""
    return {key: getattr(text, language) for key, text in TEXTS.items()}


def choose_language(cookie: str | None, accept: str | None) -> Language:
    """The language a browser asked for: its switch first, then its Accept-Language header, then English."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    wanted: list[tuple[float, int, Language]] = []
    for place, item in enumerate((accept or "")[:500].split(",")):
        tag, _, quality = item.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        wanted += [(-weight, place, language) for language in LANGUAGES if tag.strip().lower().split("-")[0] == language and weight > 0]
    return min(wanted)[2] if wanted else "en"
