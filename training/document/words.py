"""The document's words in English and German. A test holds the two against each other."""

from __future__ import annotations

from typing import Final, Literal, get_args

Language = Literal["en", "de"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Model document", "Modelldokumentation"),
    "subtitle": (
        "Made from the registry's facts on {at}. What nobody has recorded is marked as open.",
        "Erstellt aus den Fakten des Modellregisters am {at}. Was niemand festgehalten hat, ist als offen gekennzeichnet.",
    ),
    "open": ("open: not recorded", "offen: nicht festgehalten"),
    "purpose": ("Purpose", "Zweckbestimmung"),
    "purpose.what": (
        "The model finds defects of the classes {classes} on images of the product {product}, taken at one camera of a production line. From its "
        "findings and the recipe's thresholds a verdict follows: OK, NG or UNDECIDED. NG and UNDECIDED parts are rejected.",
        "Das Modell findet Fehler der Klassen {classes} auf Bildern des Produkts {product}, aufgenommen von einer Kamera einer Fertigungslinie. Aus "
        "seinen Funden und den Schwellen der Rezeptur folgt ein Urteil: OK, NG oder UNDECIDED (unentschieden). NG- und unentschiedene Teile werden ausgeschleust.",
    ),
    "purpose.not": (
        "It judges parts, not people; no personal data enter it. It is no safety component of a machine and must not be used as one.",
        "Es beurteilt Teile, keine Menschen; personenbezogene Daten gehen nicht ein. Es ist kein Sicherheitsbauteil einer Maschine und darf nicht als solches eingesetzt werden.",
    ),
    "purpose.own": ("In the words of the responsible person", "In den Worten der verantwortlichen Person"),
    "identity": ("What it is", "Was es ist"),
    "name": ("Name", "Name"), "product": ("Product", "Produkt"), "state": ("State", "Zustand"), "file": ("SHA-256 of the file", "SHA-256 der Datei"),
    "classes": ("Classes", "Klassen"), "input": ("Input", "Eingang"), "precision": ("Precision", "Genauigkeit der Zahlen"), "licence": ("Licence", "Lizenz"),
    "trainer": ("Trained with", "Trainiert mit"), "command": ("Command", "Befehl"), "created": ("Made on", "Erstellt am"),
    "remarks": ("Remarks", "Bemerkungen"), "registered": ("Registered", "Registriert"), "by_at": ("{who}, {at}", "{who}, {at}"),
    "code": ("Version of the software", "Version der Software"),
    "data": ("Data", "Daten"),
    "data.hash": ("SHA-256 of the training labels", "SHA-256 der Trainingsbeschriftung"),
    "data.images": ("Images", "Bilder"), "data.split": ("Split by", "Aufgeteilt nach"), "data.who": ("Labelled by", "Beschriftet von"),
    "data.corrected": ("Corrected by a person", "Von einer Person berichtigt"), "data.sources": ("Sources", "Quellen"),
    "data.scored": ("Scores of the card were measured on", "Kennwerte der Karte gemessen an"),
    "figures": ("Figures", "Kennzahlen"),
    "figures.on": ("Measured on {data}: {parts} parts, {images} images, through production's own code.", "Gemessen an {data}: {parts} Teile, {images} Bilder, mit dem Code der Produktion."),
    "escape": ("Escape (bad parts that pass)", "Schlupf (schlechte Teile, die durchgehen)"),
    "overkill": ("Overkill (good parts rejected)", "Pseudofehler (gute Teile, die ausgeschleust werden)"),
    "undecided": ("Undecided", "Unentschieden"),
    "share": ("{count} of {of} ({rate}; 95 % bounds {low} to {high})", "{count} von {of} ({rate}; 95-%-Grenzen {low} bis {high})"),
    "class": ("Class", "Klasse"), "thresholds": ("Thresholds", "Schwellen"), "ng_score": ("NG from", "NG ab"), "undecided_score": ("undecided from", "unentschieden ab"),
    "parity": ("Export and parity", "Export und Gleichheit"),
    "parity.text": (
        "The file was held against the trained network on {images} images: {flipped} with another verdict, boxes within {px} px, scores within {score}. {word}",
        "Die Datei wurde an {images} Bildern mit dem trainierten Netz verglichen: {flipped} mit anderem Urteil, Rahmen auf {px} px, Bewertungen auf {score} gleich. {word}",
    ),
    "passed": ("Passed.", "Bestanden."), "failed": ("NOT passed.", "NICHT bestanden."),
    "latency": ("Time per part", "Zeit je Teil"), "latency.row": ("{ms} ms on {device}", "{ms} ms auf {device}"),
    "shadow": ("Beside the active model", "Neben dem aktiven Modell"),
    "shadow.text": ("As a shadow it judged {parts} parts and skipped {skipped}; {disagreements} with another verdict than the active model.", "Als Schattenmodell beurteilte es {parts} Teile und ließ {skipped} aus; {disagreements} mit anderem Urteil als das aktive Modell."),
    "shadow.score": ("Of {reviewed} disagreements that people reviewed, the candidate was right in {right}; new escapes: {escapes}.", "Von {reviewed} von Menschen geprüften Abweichungen hatte der Kandidat in {right} Fällen recht; neuer Schlupf: {escapes}."),
    "limits": ("Known limits", "Bekannte Grenzen"),
    "limit.few": ("Class {name}: only {of} bad parts were measured, so an escape rate up to {high} is possible (95 %).", "Klasse {name}: nur {of} schlechte Teile gemessen, daher ist ein Schlupf bis {high} möglich (95 %)."),
    "limit.claim": ("With {of} bad parts an escape rate below {high} cannot be claimed (95 %).", "Mit {of} schlechten Teilen lässt sich kein Schlupf unter {high} behaupten (95 %)."),
    "limit.trained": ("The figures were measured on data the model was trained or chosen on; they flatter.", "Die Kennzahlen wurden an Daten gemessen, an denen das Modell trainiert oder ausgewählt wurde; sie schmeicheln."),
    "limit.unseen": ("Defects of other kinds, other products, other light and other cameras were not measured.", "Andere Fehlerarten, andere Produkte, anderes Licht und andere Kameras wurden nicht gemessen."),
    "limit.none": ("No evaluation is recorded: nothing is known of how often it errs.", "Es ist keine Auswertung festgehalten: Über seine Irrtümer ist nichts bekannt."),
    "oversight": ("Human oversight", "Menschliche Aufsicht"),
    "oversight.text": (
        "Undecided parts are rejected and wait for a person's review. Any person at the line can stop it; a latched stop needs a person's acknowledgement. A model becomes "
        "active only when two people agree (one proposes, another releases), after parity, shadow operation and review of what it would have let pass. Going back to the model before is one command.",
        "Unentschiedene Teile werden ausgeschleust und warten auf die Prüfung durch eine Person. Jede Person an der Linie kann sie anhalten; ein verriegelter Halt braucht die Quittierung durch "
        "eine Person. Aktiv wird ein Modell nur, wenn zwei Personen zustimmen (eine schlägt vor, eine andere gibt frei), nach bestandener Gleichheit, Schattenbetrieb und Prüfung dessen, was es "
        "durchgelassen hätte. Der Weg zurück zum vorigen Modell ist ein einziger Befehl.",
    ),
    "decided": ("Who decided", "Wer entschieden hat"),
    "event": ("Step", "Schritt"), "who": ("Person", "Person"), "when": ("When (UTC)", "Wann (UTC)"), "why": ("Reason", "Grund"), "key": ("Key", "Schlüssel"),
    "state.candidate": ("candidate", "Kandidat"), "state.shadow": ("in shadow", "im Schattenbetrieb"), "state.active": ("active", "aktiv"),
    "state.retired": ("retired", "außer Dienst"),
    "event.register": ("registered", "registriert"), "event.shadow": ("put in shadow", "in den Schattenbetrieb"), "event.propose": ("proposed", "vorgeschlagen"),
    "event.release": ("released", "freigegeben"), "event.displace": ("displaced by another", "von einem anderen abgelöst"),
    "event.rollback": ("taken back", "zurückgenommen"), "event.restore": ("active again", "wieder aktiv"), "event.retire": ("retired", "außer Dienst gestellt"),
    "default": ("all other classes", "alle anderen Klassen"),
    "before": ("Model before", "Modell davor"),
    "keeping": ("Record keeping (Art. 12)", "Aufzeichnung (Art. 12)"),
    "keeping.text": (
        "Of every part the record holds: time, verdict with reasons, defects, hashes of model and recipe, timings, ejection and its confirmation. Orders of people and changes of models stand in an audit log "
        "whose rows are chained by SHA-256; `gutteil audit` checks it.",
        "Zu jedem Teil hält die Aufzeichnung fest: Zeit, Urteil mit Gründen, Fehler, Prüfsummen von Modell und Rezeptur, Laufzeiten, Ausschleusung und deren Bestätigung. Anweisungen von Menschen und Änderungen "
        "an Modellen stehen in einem Protokoll, dessen Zeilen über SHA-256 verkettet sind; `gutteil audit` prüft es.",
    ),
    "keeping.kept": ("{days} days, at most {gb} GB", "{days} Tage, höchstens {gb} GB"), "keeping.rows": ("{rows} rows", "{rows} Zeilen"),
    "keeping.images": ("Images are kept", "Bilder werden aufbewahrt"), "keeping.audit": ("Audit log", "Protokoll"), "keeping.head": ("Newest hash", "Neueste Prüfsumme"),
    "system": ("What runs it", "Worauf es läuft"),
    "annex": ("Technical documentation (Art. 11, Annex IV): what stands where", "Technische Dokumentation (Art. 11, Anhang IV): was wo steht"),
    "annex.note": (
        "Regulation (EU) 2024/1689. Inspecting products is as a rule not a high-risk use; whoever puts the system into service decides that. The list says which points this document answers.",
        "Verordnung (EU) 2024/1689. Die Prüfung von Produkten ist in der Regel keine Hochrisiko-Anwendung; darüber entscheidet, wer das System in Betrieb nimmt. Die Liste sagt, welche Punkte dieses Dokument beantwortet.",
    ),
    "annex.point": ("Annex IV", "Anhang IV"), "annex.where": ("Answered in", "Beantwortet in"), "annex.yours": ("to be supplied by whoever puts it into service", "von dem zu ergänzen, der es in Betrieb nimmt"),
    "annex.1": ("1 General description, purpose, versions, hardware", "1 Allgemeine Beschreibung, Zweck, Versionen, Hardware"),
    "annex.2": ("2 Development: methods, data, validation, oversight, security", "2 Entwicklung: Methoden, Daten, Validierung, Aufsicht, Sicherheit"),
    "annex.3": ("3 Capabilities, limits, foreseeable risks, input", "3 Fähigkeiten, Grenzen, absehbare Risiken, Eingangsdaten"),
    "annex.4": ("4 Why these figures are the right ones", "4 Eignung der Kennzahlen"),
    "annex.5": ("5 Risk management (Art. 9)", "5 Risikomanagement (Art. 9)"),
    "annex.6": ("6 Changes over the life cycle", "6 Änderungen im Lebenszyklus"),
    "annex.7": ("7 Standards applied", "7 Angewandte Normen"),
    "annex.8": ("8 EU declaration of conformity", "8 EU-Konformitätserklärung"),
    "annex.9": ("9 Monitoring after placing on the market", "9 Beobachtung nach dem Inverkehrbringen"),
    "figures.why": (
        "What matters at a line is the bad part that passes and the good part that is thrown away; accuracy alone hides both where bad parts are rare. Bounds are exact (Clopper and Pearson).",
        "An der Linie zählen das schlechte Teil, das durchgeht, und das gute, das verworfen wird; die Trefferquote allein verbirgt beides, wo schlechte Teile selten sind. Die Grenzen sind exakt (Clopper und Pearson).",
    ),
}  # fmt: skip


def word(key: str, language: Language, **values: object) -> str:
    """A text in a language, filled. Raises KeyError for an unknown key."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)
