"""Texts of the shift report, and of the rules of control charts, which the statistics page says too."""

from __future__ import annotations

from dashboard.text import Text

TEXTS: dict[str, Text] = {
    "report.title": Text("Shift report", "Schichtbericht"),
    "report.so_far": Text("The shift is still on: figures so far", "Die Schicht läuft noch: Zahlen bis jetzt"),
    "report.simulated": Text("SIMULATED – no real parts", "SIMULIERT – keine echten Teile"),
    "report.station": Text("Station", "Station"),
    "report.shift": Text("Shift", "Schicht"),
    "report.time": Text("Time", "Zeit"),
    "report.product": Text("Product", "Produkt"),
    "report.recipe": Text("Recipe", "Rezept"),
    "report.model": Text("Model", "Modell"),
    "report.printed": Text("Made", "Erstellt"),
    "report.none": Text("–", "–"),
    "report.no_parts": Text("No part came in this shift.", "In dieser Schicht kam kein Teil."),
    "report.off": Text("A day off, say the settings.", "Laut Einstellungen ein freier Tag."),
    "report.uncounted": Text(
        "{n} hours of this record have not been counted yet; the figures leave them out",
        "{n} Stunden dieser Aufzeichnung sind noch nicht gezählt; die Zahlen lassen sie aus",
    ),
    # the counts
    "report.counts": Text("Counts", "Zählung"),
    "report.closes": Text(
        "The counts close: {n} triggers = {n} verdicts = {n} parts with a known outcome.",
        "Die Zählung geht auf: {n} Trigger = {n} Urteile = {n} Teile mit bekanntem Verbleib.",
    ),
    "report.open_books": Text("The counts do not close: {why}.", "Die Zählung geht nicht auf: {why}."),
    "report.why.misfits": Text("{n} parts do not fit", "{n} Teile passen nicht"),
    "report.why.missed": Text("{n} messages were missed", "{n} Nachrichten fehlen"),
    "report.why.waiting": Text("{n} parts without a known outcome", "{n} Teile ohne bekannten Verbleib"),
    "report.why.unjudged": Text("{n} parts without a verdict", "{n} Teile ohne Urteil"),
    "report.misfit_part": Text("Part", "Teil"),
    "report.misfit_why": Text("What does not fit", "Was nicht passt"),
    "misfit.two different messages of one kind": Text("two different messages of one kind", "zwei verschiedene Nachrichten einer Art"),
    "misfit.passed without an OK verdict": Text("passed without an OK verdict", "ohne OK-Urteil durchgelassen"),
    "misfit.no verdict": Text("no verdict", "kein Urteil"),
    "misfit.no trigger announcement": Text("no trigger announcement", "kein Trigger gemeldet"),
    "misfit.not announced by the station": Text("not announced by the station", "von der Station nicht gemeldet"),
    "report.triggers": Text("Parts (triggers)", "Teile (Trigger)"),
    "report.ok": Text("OK", "OK"),
    "report.ng": Text("NG", "NG"),
    "report.undecided": Text("Undecided", "Unklar"),
    "report.passed": Text("Passed", "Durchgelassen"),
    "report.ejected": Text("Ejected, confirmed", "Ausgeschleust, bestätigt"),
    "report.missed": Text("Ejection not confirmed", "Ausschleusung unbestätigt"),
    "report.pictures_lost": Text("Pictures lost", "Bilder verloren"),
    # yield
    "report.quality": Text("Yield and quality", "Ausbeute und Qualität"),
    "report.yield": Text("First-pass yield", "Gutanteil im ersten Durchlauf"),
    "report.reject_rate": Text("Reject rate", "Ausschussanteil"),
    "report.escape": Text("Escape (estimated)", "Schlupf (geschätzt)"),
    "report.overkill": Text("Overkill (estimated)", "Pseudofehler (geschätzt)"),
    "report.bounds": Text("95 % bounds {low} to {high}", "95-%-Grenzen {low} bis {high}"),
    "report.of_parts": Text("{n} of {of} parts", "{n} von {of} Teilen"),
    "report.cannot_say": Text("not enough reviews to say", "zu wenige Prüfungen für eine Aussage"),
    "report.escape_note": Text(
        "of the bad parts passed; {n} of {of} passed parts drawn at random and reviewed, {bad} of them bad",
        "der Schlechtteile kamen durch; {n} von {of} durchgelassenen Teilen zufällig gezogen und geprüft, davon {bad} schlecht",
    ),
    "report.overkill_note": Text(
        "of the good parts ejected; {n} of {of} ejected parts reviewed, {good} of them good",
        "der Gutteile ausgeschleust; {n} von {of} ausgeschleusten Teilen geprüft, davon {good} gut",
    ),
    "report.latency": Text("Trigger to verdict, median", "Trigger bis Urteil, Median"),
    "report.latency_note": Text("99 % within {p99}", "99 % binnen {p99}"),
    # defects
    "report.defects": Text("Defects", "Fehler"),
    "report.no_defects": Text("No part was rejected for a defect.", "Kein Teil wurde wegen eines Fehlers ausgeschleust."),
    "report.pareto": Text("Pareto of defect classes by rejected parts", "Pareto der Fehlerklassen nach ausgeschleusten Teilen"),
    "report.class": Text("Class", "Klasse"),
    "report.parts": Text("Parts", "Teile"),
    "report.defects_count": Text("Defects", "Fehler"),
    "report.share": Text("Share", "Anteil"),
    "report.cumulated": Text("Cumulated", "Kumuliert"),
    "report.reviewed": Text("Reviewed: bad / good", "Geprüft: schlecht / gut"),
    "report.no_picture": Text("picture not kept", "Bild nicht aufbewahrt"),
    # the control chart
    "report.control": Text("Control chart of the reject rate", "Regelkarte des Ausschussanteils"),
    "report.control_alt": Text(
        "Reject rate by half hours with centre line and control limits; broken rules: {n}",
        "Ausschussanteil je halbe Stunde mit Mittellinie und Eingriffsgrenzen; verletzte Regeln: {n}",
    ),
    "report.centre": Text("centre", "Mitte"),
    "report.limits": Text("limits", "Grenzen"),
    "report.base": Text(
        "Points: half hours. Centre and limits come from {n} parts of the 14 days before, widened by how much the line usually wanders (Laney).",
        "Punkte: halbe Stunden. Mitte und Grenzen aus {n} Teilen der 14 Tage davor, geweitet um die übliche Schwankung der Linie (Laney).",
    ),
    "report.base_own": Text(
        "Points: half hours. Too little is known from before: centre and limits come from this shift itself, so a shift that is bad throughout does not show.",
        "Punkte: halbe Stunden. Von davor ist zu wenig bekannt: Mitte und Grenzen stammen aus dieser Schicht selbst; eine durchweg schlechte Schicht fällt so nicht auf.",
    ),
    "report.no_signal": Text("No rule is broken.", "Keine Regel ist verletzt."),
    "report.signal.when": Text("When", "Wann"),
    "report.signal.what": Text("What the chart shows", "Was die Karte zeigt"),
    "report.signal.look": Text("What to look at", "Was zu prüfen ist"),
    "report.signal.mark": Text("Rule", "Regel"),
    "report.above": Text("above the centre", "über der Mitte"),
    "report.below": Text("below the centre", "unter der Mitte"),
    # stops and alarms
    "report.stops": Text("Stops and alarms", "Stillstände und Meldungen"),
    "report.stopped": Text("The belt was stopped for {time} in all.", "Das Band stand insgesamt {time}."),
    "report.no_stops": Text("No stop and no alarm.", "Kein Stillstand, keine Meldung."),
    "report.alarm": Text("Alarm", "Meldung"),
    "report.severity": Text("Kind", "Art"),
    "report.times": Text("Times", "Anzahl"),
    "report.lasted": Text("Lasted", "Dauer"),
    "report.first": Text("First", "Zuerst"),
    "report.still": Text("still on at the end", "am Ende noch an"),
    # parts that need a word
    "report.unconfirmed": Text("Ejections that were not confirmed", "Unbestätigte Ausschleusungen"),
    "report.no_unconfirmed": Text("Every ejection was confirmed.", "Jede Ausschleusung wurde bestätigt."),
    "report.part": Text("Part", "Teil"),
    "report.reviews": Text("Reviews and escapes", "Prüfungen und Schlupf"),
    "report.reviews_said": Text(
        "Of this shift's parts {n} have been reviewed: {bad} bad, {good} good, {unsure} unsure.",
        "Von den Teilen dieser Schicht sind {n} geprüft: {bad} schlecht, {good} gut, {unsure} unsicher.",
    ),
    "report.escapes_none": Text(
        "No part of this shift that passed has been found bad so far.",
        "Bisher wurde kein durchgelassenes Teil dieser Schicht als schlecht erkannt.",
    ),
    "report.escapes_some": Text(
        "Passed, and found bad by a person, of this shift's parts: {n}",
        "Durchgelassen und von Menschen als schlecht erkannt, Teile dieser Schicht: {n}",
    ),
    "report.escapes_found": Text(
        "Found bad in this shift though passed before it: {n}",
        "In dieser Schicht als schlecht erkannt, doch zuvor durchgelassen: {n}",
    ),
    "report.changes": Text("Recipe and model", "Rezept und Modell"),
    "report.no_changes": Text("Neither recipe nor model changed.", "Weder Rezept noch Modell wurde gewechselt."),
    "report.since": Text("From", "Ab"),
    # the end
    "report.shift_lead": Text("Shift lead: name, date, signature", "Schichtleitung: Name, Datum, Unterschrift"),
    "report.quality_lead": Text("Quality: name, date, signature", "Qualität: Name, Datum, Unterschrift"),
    "report.page": Text("Page", "Seite"),
    "report.foot": Text(
        "Gutteil · station {station} · SHA-256 of the data {hash}", "Gutteil · Station {station} · SHA-256 der Daten {hash}"
    ),
    "shift.early": Text("Early shift", "Frühschicht"),
    "shift.late": Text("Late shift", "Spätschicht"),
    "shift.night": Text("Night shift", "Nachtschicht"),
    # the rules of control charts: what is to be seen, and what it usually comes from
    "rule.beyond-3": Text("A point lies outside the control limits", "Ein Punkt liegt außerhalb der Eingriffsgrenzen"),
    "look.beyond-3": Text(
        "Something happened just then: look at the rejects of that time, at a change of batch, recipe or tool, and at light and camera",
        "Da ist etwas passiert: Ausschuss dieser Zeit ansehen, Wechsel von Charge, Rezept oder Werkzeug, Licht und Kamera prüfen",
    ),
    "rule.same-side": Text("Many points in a row on one side of the centre", "Viele Punkte in Folge auf einer Seite der Mitte"),
    "look.same-side": Text(
        "The level has shifted and stays: look at what was changed when it began (material, setting, model), and whether the centre still holds",
        "Das Niveau hat sich verschoben und bleibt: prüfen, was zu Beginn geändert wurde (Material, Einstellung, Modell) und ob die Mitte noch gilt",
    ),
    "rule.steady": Text("Six points in a row rise, or fall", "Sechs Punkte in Folge steigen oder fallen"),
    "look.steady": Text(
        "Something drifts: wear of a tool, dirt on the lens, ageing light, a warming machine",
        "Etwas driftet: Werkzeugverschleiß, Schmutz auf der Linse, alterndes Licht, eine Maschine, die warm wird",
    ),
    "rule.alternating": Text("Fourteen points go up and down by turns", "Vierzehn Punkte gehen abwechselnd auf und ab"),
    "look.alternating": Text(
        "Two sources are mixed by turns: two nests, two pallets, two suppliers; look at them apart",
        "Zwei Quellen wechseln sich ab: zwei Nester, zwei Paletten, zwei Lieferanten; getrennt betrachten",
    ),
    "rule.two-of-three": Text("Two of three points far out on the same side", "Zwei von drei Punkten weit außen auf derselben Seite"),
    "look.two-of-three": Text(
        "An early warning of a jump: look at the rejects now, before a limit is crossed",
        "Frühwarnung vor einem Sprung: Ausschuss jetzt ansehen, bevor eine Grenze überschritten wird",
    ),
    "rule.four-of-five": Text("Four of five points well off on the same side", "Vier von fünf Punkten deutlich auf derselben Seite"),
    "look.four-of-five": Text(
        "A small shift of the level: look at small changes of material, setting or surroundings",
        "Eine kleine Verschiebung: kleine Änderungen an Material, Einstellung oder Umgebung prüfen",
    ),
    "rule.hugging": Text("Fifteen points hug the centre", "Fünfzehn Punkte kleben an der Mitte"),
    "look.hugging": Text(
        "Too even to be true: the groups may mix two sources, or the limits are too wide; check how the figures come about",
        "Zu gleichmäßig: die Gruppen mischen vielleicht zwei Quellen, oder die Grenzen sind zu weit; prüfen, wie die Zahlen entstehen",
    ),
    "rule.both-sides": Text(
        "Eight points in a row avoid the centre, on both sides", "Acht Punkte in Folge meiden die Mitte, auf beiden Seiten"
    ),
    "look.both-sides": Text(
        "Two different levels take turns: two products, shifts or suppliers; look at them apart",
        "Zwei Niveaus wechseln sich ab: zwei Produkte, Schichten oder Lieferanten; getrennt betrachten",
    ),
}
