"""Texts of the pages about models."""

from __future__ import annotations

from dashboard.text import Text

TEXTS: dict[str, Text] = {
    "models.title": Text("Models", "Modelle"),
    "models.product": Text("Product", "Produkt"),
    "models.active": Text("Judges now", "Urteilt jetzt"),
    "models.own": Text("The recipe's own model", "Das Modell des Rezepts"),
    "models.own_hint": Text(
        "No other model has been released for this product", "Für dieses Produkt wurde noch kein anderes Modell freigegeben"
    ),
    "models.shadow": Text("In shadow", "Im Schatten"),
    "models.shadow_none": Text(
        "No model is in shadow. A candidate there judges every part beside the active one and switches nothing",
        "Kein Modell läuft im Schatten. Dort urteilt ein Kandidat neben dem aktiven über jedes Teil und schaltet nichts",
    ),
    "models.all": Text("All models of this product", "Alle Modelle dieses Produkts"),
    "models.none": Text(
        "No model has been registered yet. On the engineer's computer: gutteil models register FILE",
        "Noch ist kein Modell eingetragen. Am Rechner des Ingenieurs: gutteil models register DATEI",
    ),
    "models.state.candidate": Text("Candidate", "Kandidat"),
    "models.state.shadow": Text("In shadow", "Im Schatten"),
    "models.state.active": Text("Active", "Aktiv"),
    "models.state.retired": Text("Retired", "Abgelöst"),
    "models.field.name": Text("Model", "Modell"),
    "models.field.state": Text("State", "Zustand"),
    "models.field.registered": Text("Registered", "Eingetragen"),
    "models.field.by": Text("By", "Von"),
    "models.field.escape": Text("Escape", "Schlupf"),
    "models.field.overkill": Text("Overkill", "Pseudofehler"),
    "models.field.latency": Text("ms per part", "ms je Teil"),
    "models.no_figures": Text("not evaluated", "nicht bewertet"),
    "models.figure": Text("{count} of {of} ({low} to {high})", "{count} von {of} ({low} bis {high})"),
    "models.bounds_hint": Text(
        "Escape: bad parts that passed. Overkill: good parts that were rejected. In brackets the 95 % bounds",
        "Schlupf: Schlechtteile, die durchgingen. Pseudofehler: Gutteile, die aussortiert wurden. In Klammern die 95-%-Grenzen",
    ),
    "models.before": Text("A rollback goes back to: {name}", "Zurück ginge es zu: {name}"),
    "models.rollback": Text("Roll back", "Zurücknehmen"),
    "models.rollback_ask": Text("Back to {name}?", "Zurück zu {name}?"),
    "models.rolled_back": Text("The model before judges again", "Das vorige Modell urteilt wieder"),
    "models.to_shadow": Text("Put into shadow", "In den Schatten"),
    "models.retire": Text("Retire", "Ablösen"),
    "models.propose": Text("Propose release", "Freigabe vorschlagen"),
    "models.release": Text("Release", "Freigeben"),
    "models.done": Text("{name}: {state}", "{name}: {state}"),
    "models.proposed": Text(
        "{name} is proposed; somebody else can release it", "{name} ist vorgeschlagen; jemand anderes kann es freigeben"
    ),
    "models.released": Text(
        "{name} is released; the station switches between two parts", "{name} ist freigegeben; die Station wechselt zwischen zwei Teilen"
    ),
    "models.proposed_by": Text("Proposed by {name}", "Vorgeschlagen von {name}"),
    "models.reason": Text("Why? (kept in the record)", "Warum? (wird aufgezeichnet)"),
    "models.signing": Text(
        "Orders about models are signed with a person's own key here. Give them on the command line: gutteil models … --key FILE",
        "Anweisungen zu Modellen werden hier mit dem eigenen Schlüssel unterschrieben. Auf der Kommandozeile: gutteil models … --key DATEI",
    ),
    "models.gate": Text("The gate", "Das Tor"),
    "models.gate.parity": Text("Exported file decides as the trained network", "Exportierte Datei urteilt wie das trainierte Netz"),
    "models.gate.evaluation": Text("Evaluated on parts held back", "An zurückgehaltenen Teilen bewertet"),
    "models.gate.shadow": Text("{parts} of {least} parts judged in shadow", "{parts} von {least} Teilen im Schatten beurteilt"),
    "models.gate.reviews": Text("Parts that it would pass are reviewed", "Teile, die es durchließe, sind geprüft"),
    "models.gate.escapes": Text("No new escape among reviewed parts", "Kein neuer Schlupf unter geprüften Teilen"),
    "models.gate.signature": Text("File is unaltered", "Datei ist unverändert"),
    "models.gate.two people": Text("Two people: one proposes, another releases", "Zwei Personen: eine schlägt vor, eine andere gibt frei"),
    "models.todo.parity": Text(
        "Export it anew and register the result with its parity document", "Neu exportieren und mit dem Paritäts-Dokument eintragen"
    ),
    "models.todo.evaluation": Text(
        "Register it again with an evaluation of this very file", "Mit einer Bewertung genau dieser Datei neu eintragen"
    ),
    "models.todo.shadow": Text("Let the shadow process run on", "Den Schatten-Prozess weiterlaufen lassen"),
    "models.todo.reviews": Text(
        "{done} of {needed} are reviewed; look at the differences and say what the parts were",
        "{done} von {needed} sind geprüft; Unterschiede ansehen und sagen, was die Teile waren",
    ),
    "models.todo.escapes": Text("Train on these parts and register the result", "Mit diesen Teilen trainieren und das Ergebnis eintragen"),
    "models.todo.signature": Text("Register the original file again", "Die Originaldatei neu eintragen"),
    "models.todo.two people": Text(
        "Proposed by: {proposer}. Somebody else releases", "Vorgeschlagen von: {proposer}. Jemand anderes gibt frei"
    ),
    "models.nobody": Text("nobody yet", "noch niemand"),
    "models.met": Text("met", "erfüllt"),
    "models.unmet": Text("missing", "fehlt"),
    "models.differ": Text(
        "Parts on which it differs from the active one: {count}", "Teile, bei denen es anders urteilt als das aktive: {count}"
    ),
    "models.right": Text(
        "{right} times right, {wrong} times wrong, {open} not reviewed", "{right}-mal richtig, {wrong}-mal falsch, {open} nicht geprüft"
    ),
    "models.skipped": Text("Skipped rather than delay a part: {count}", "Ausgelassen, um kein Teil zu verzögern: {count}"),
    "models.new_escapes": Text("Would pass bad parts: {parts}", "Ließe Schlechtteile durch: {parts}"),
    "models.new_catches": Text("Would catch escapes: {parts}", "Finge Schlupf ab: {parts}"),
    "models.see_differ": Text("See the differences", "Unterschiede ansehen"),
    "models.wrong": Text("Attention", "Achtung"),
    "models.back": Text("All models", "Alle Modelle"),
    "models.card": Text("Card", "Karte"),
    "models.history": Text("What became of it", "Werdegang"),
    "models.documents": Text("Figures", "Kennzahlen"),
    "models.field.hash": Text("SHA-256", "SHA-256"),
    "models.field.size": Text("Size", "Größe"),
    "models.field.licence": Text("Licence", "Lizenz"),
    "models.field.data": Text("Hash of the training data", "Hash der Trainingsdaten"),
    "models.field.code": Text("Taken in by", "Eingetragen mit"),
    "models.field.classes": Text("Classes", "Klassen"),
    "models.field.input": Text("Input", "Eingang"),
    "models.field.remarks": Text("Remarks", "Anmerkungen"),
    "models.parity": Text("Parity", "Parität"),
    "models.parity_passed": Text(
        "passed on {images} images, {flips} verdicts flipped", "bestanden an {images} Bildern, {flips} Urteile gekippt"
    ),
    "models.parity_failed": Text("NOT passed: {flips} verdicts flipped", "NICHT bestanden: {flips} Urteile gekippt"),
    "models.field.when": Text("When", "Wann"),
    "models.field.event": Text("Step", "Schritt"),
    "models.event.register": Text("registered", "eingetragen"),
    "models.event.shadow": Text("into shadow", "in den Schatten"),
    "models.event.propose": Text("proposed", "vorgeschlagen"),
    "models.event.release": Text("released", "freigegeben"),
    "models.event.displace": Text("displaced", "verdrängt"),
    "models.event.rollback": Text("taken back", "zurückgenommen"),
    "models.event.restore": Text("back again", "wieder da"),
    "models.event.retire": Text("retired", "abgelöst"),
    "models.field.why": Text("Why", "Warum"),
    "models.differ_title": Text("Where {name} differs", "Wo {name} anders urteilt"),
    "models.differ_hint": Text(
        "Orange: the active model. Blue: the model in shadow. Newest first, at most {most}",
        "Orange: aktives Modell. Blau: Modell im Schatten. Neueste zuerst, höchstens {most}",
    ),
    "models.differ_none": Text("They agree on every part so far", "Bisher urteilen beide über jedes Teil gleich"),
    "models.says_active": Text("active", "aktiv"),
    "models.says_shadow": Text("shadow", "Schatten"),
    "models.not_reviewed": Text("not reviewed", "nicht geprüft"),
    "models.truth.good": Text("a person says: good", "ein Mensch sagt: gut"),
    "models.truth.bad": Text("a person says: bad", "ein Mensch sagt: schlecht"),
    "models.truth.unsure": Text("a person is unsure", "ein Mensch ist unsicher"),
    "models.no_picture": Text("no picture is kept", "kein Bild aufbewahrt"),
}
