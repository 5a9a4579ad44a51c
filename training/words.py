"""The reports' texts in both languages, side by side, and numbers as each language writes them."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal, NamedTuple

Language = Literal["en", "de"]


class Text(NamedTuple):
    """One text."""

    en: str
    de: str


TEXTS: dict[str, Text] = {
    "made": Text("Made by Gutteil on {when} (UTC). Opens offline; nothing in it is loaded from anywhere.", "Erstellt von Gutteil am {when} (UTC). Öffnet ohne Netz; nichts wird nachgeladen."),
    "model": Text("Model", "Modell"),
    "recipe": Text("Recipe", "Rezept"),
    "data": Text("Set", "Datensatz"),
    "warning": Text("Mind", "Achtung"),
    "of": Text("{count} of {of}", "{count} von {of}"),
    "sure": Text("95 % sure: {low} to {high}", "zu 95 % sicher: {low} bis {high}"),
    "none": Text("none", "keine"),
    "name": Text("Name", "Name"),
    "score": Text("score", "Score"),
    "parts": Text("parts", "Teile"),
    "background": Text("nothing", "nichts"),
    # evaluation
    "evaluation": Text("Evaluation", "Auswertung"),
    "set_line": Text("{parts} parts ({bad} NG, {good} OK), {images} images", "{parts} Teile ({bad} NG, {good} OK), {images} Bilder"),
    "escape": Text("Escape", "Schlupf"),
    "escape_hint": Text("NG parts that would have passed", "NG-Teile, die durchgegangen wären"),
    "overkill": Text("Overkill", "Pseudofehler"),
    "overkill_hint": Text("OK parts that would have been rejected; {share} without the UNDECIDED ones", "OK-Teile, die ausgeschleust worden wären; {share} ohne die unklaren"),
    "undecided": Text("UNDECIDED", "UNKLAR"),
    "undecided_hint": Text("rejected for a person to look at: {ng} NG, {ok} OK", "ausgeschleust, ein Mensch prüft: {ng} NG, {ok} OK"),
    "claim": Text("Claimable", "Belegbar"),
    "claim_value": Text("≤ {rate}", "≤ {rate}"),
    "claim_hint": Text("escape rate, 95 % sure, after {of} NG parts", "Schlupfrate, zu 95 % sicher, nach {of} NG-Teilen"),
    "claim_more": Text("To claim at most {rate}, {more} more NG parts without a further miss are needed ({needed} in all).", "Um höchstens {rate} zu belegen, braucht es {more} weitere NG-Teile ohne weiteren Schlupf (insgesamt {needed})."),
    "claim_reached": Text("A claim of at most {rate} is covered by these parts.", "Höchstens {rate} ist durch diese Teile belegt."),
    "detection": Text("Detection", "Erkennung"),
    "detection_hint": Text("mAP by COCO's own program. F1: right class and IoU above 0.33, at a score of {score}. AUROC: how often an NG image scores above an OK one.", "mAP mit COCOs eigenem Programm. F1: richtige Klasse und IoU über 0,33, ab Score {score}. AUROC: wie oft ein NG-Bild höher bewertet wird als ein OK-Bild."),
    "auroc": Text("AUROC, images", "AUROC, Bilder"),
    "auroc_parts": Text("AUROC, parts", "AUROC, Teile"),
    "per_image": Text("Per image: escape {escape}, overkill {overkill}.", "Je Bild: Schlupf {escape}, Pseudofehler {overkill}."),
    "scores": Text("Scores of the parts", "Scores der Teile"),
    "scores_hint": Text("Each part by its highest score. The lines are the recipe's thresholds: dashed UNDECIDED, solid NG.", "Jedes Teil mit seinem höchsten Score. Die Linien sind die Schwellen des Rezepts: gestrichelt UNKLAR, durchgezogen NG."),
    "up_ok": Text("OK parts", "OK-Teile"),
    "down_ng": Text("NG parts", "NG-Teile"),
    "classes": Text("By kind of defect", "Nach Fehlerart"),
    "classes_hint": Text("Escape: NG parts with this defect that passed. Unseen: parts on which nothing marked it, rejected or not.", "Schlupf: NG-Teile mit diesem Fehler, die durchgingen. Ungesehen: Teile, auf denen ihn nichts markierte, ausgeschleust oder nicht."),
    "kind": Text("Defect", "Fehler"),
    "unseen": Text("Unseen", "Ungesehen"),
    "sizes": Text("By size of defect", "Nach Fehlergröße"),
    "sizes_hint": Text("Longer side. Escape: parts by their largest defect. Unseen: every labelled defect by itself.", "Längere Seite. Schlupf: Teile nach ihrem größten Fehler. Ungesehen: jeder markierte Fehler für sich."),
    "size": Text("Size", "Größe"),
    "from_to": Text("{low} to {high} {unit}", "{low} bis {high} {unit}"),
    "from": Text("from {low} {unit}", "ab {low} {unit}"),
    "confusion": Text("What was taken for what", "Was wofür gehalten wurde"),
    "confusion_hint": Text("Rows: what is there. Columns: what the model says, at the recipe's thresholds. Pairs overlap by more than IoU 0.33.", "Zeilen: was da ist. Spalten: was das Modell sagt, mit den Schwellen des Rezepts. Paare überlappen mit mehr als IoU 0,33."),
    "worst_ng": Text("NG parts nearest to passing", "NG-Teile, die fast durchgingen"),
    "worst_ok": Text("OK parts nearest to rejection", "OK-Teile, die fast ausgeschleust wurden"),
    "escapes": Text("Escapes first, then the lowest scores.", "Schlupf zuerst, dann die niedrigsten Scores."),
    "overkills": Text("Overkills first, then the highest scores.", "Pseudofehler zuerst, dann die höchsten Scores."),
    "legend": Text("Solid: label. Dashed: what the model sees, with its score.", "Durchgezogen: Markierung. Gestrichelt: was das Modell sieht, mit Score."),
    "against": Text("Against {model}", "Gegenüber {model}"),
    "against_hint": Text("The same parts, judged by both. p: McNemar's exact test; small means the difference is no chance.", "Dieselben Teile, von beiden beurteilt. p: exakter McNemar-Test; klein heißt: kein Zufall."),
    "new": Text("New", "Neu"),
    "mended": Text("Mended", "Behoben"),
    "both": Text("Both", "Beide"),
    "new_escapes": Text("New escapes", "Neuer Schlupf"),
    "method": Text("How this was counted", "Wie gezählt wurde"),
    "method_text": Text(
        "A part is rejected if any of its images is NG or UNDECIDED, and NG if any of its images is labelled so. Every image went through the code that runs at the line. Bounds: Clopper and Pearson, exact, 95 %, two-sided; what can be claimed: one-sided. Parts that the model was trained on, or that thresholds were chosen on, flatter.",
        "Ein Teil wird ausgeschleust, wenn eines seiner Bilder NG oder UNKLAR ist, und ist NG, wenn eines seiner Bilder so bezeichnet ist. Jedes Bild lief durch den Code, der an der Linie läuft. Grenzen: Clopper und Pearson, exakt, 95 %, zweiseitig; Belegbares: einseitig. Teile, mit denen trainiert oder Schwellen gewählt wurden, schmeicheln.",
    ),
    # thresholds
    "thresholds": Text("Thresholds", "Schwellen"),
    "in_short": Text(
        "In a shift of {hours} h ({parts} parts, {bad} of them bad): {escapes} escapes ({escapes_low} to {escapes_high}) against {rejects} false rejects ({rejects_low} to {rejects_high}), and {reviews} parts ({reviews_low} to {reviews_high}) for a person to look at.",
        "In einer Schicht von {hours} h ({parts} Teile, {bad} davon schlecht): {escapes} Schlupf ({escapes_low} bis {escapes_high}) gegen {rejects} Pseudofehler ({rejects_low} bis {rejects_high}), und {reviews} Teile ({reviews_low} bis {reviews_high}), die ein Mensch ansieht.",
    ),
    "in_short_hint": Text("In brackets: the bounds within which it lies, 95 % sure.", "In Klammern: die Grenzen, in denen es zu 95 % liegt."),
    "rests": Text("This rests on {bad} NG and {good} OK parts of {data}; the scores were chosen on {val}.", "Das stützt sich auf {bad} NG- und {good} OK-Teile aus {data}; gewählt wurden die Scores auf {val}."),
    "firm": Text("Had other parts been drawn, rejection for all classes would begin between {low} and {high}, and NG between {ng_low} and {ng_high} (bootstrap by part, 95 %).", "Mit anderen Teilen begänne das Ausschleusen für alle Klassen zwischen {low} und {high} und NG zwischen {ng_low} und {ng_high} (Bootstrap über Teile, 95 %)."),
    "recommended": Text("Recommended scores", "Empfohlene Scores"),
    "recommended_hint": Text("From the NG score on a defect makes the part NG; from the UNDECIDED score on a person looks at it. A class gets its own scores only if enough NG parts carry it and it pays, and only as far from the common ones as its parts bear out.", "Ab dem NG-Score macht ein Fehler das Teil NG; ab dem UNKLAR-Score prüft ein Mensch. Eigene Scores bekommt eine Klasse nur, wenn genug NG-Teile sie tragen und es sich lohnt, und nur so weit weg von den gemeinsamen, wie ihre Teile es tragen."),
    "for_all": Text("one pair for all", "ein Paar für alle"),
    "ng_score": Text("NG from", "NG ab"),
    "undecided_score": Text("UNDECIDED from", "UNKLAR ab"),
    "now": Text("now", "jetzt"),
    "then": Text("recommended", "empfohlen"),
    "ng_parts": Text("NG parts", "NG-Teile"),
    "shift": Text("What a shift brings", "Was eine Schicht bringt"),
    "shift_hint": Text("Expected, with bounds that hold it 95 % sure. The set's shares, weighed by the line's {share} of bad parts.", "Erwartet, mit Grenzen zu 95 %. Anteile des Datensatzes, gewichtet mit {share} schlechten Teilen der Linie."),
    "chosen_on": Text("chosen on {data}", "gewählt auf {data}"),
    "confirmed_on": Text("confirmed on {data}", "bestätigt auf {data}"),
    "passed": Text("escapes", "Schlupf"),
    "false_rejects": Text("false rejects", "Pseudofehler"),
    "reviews": Text("to be reviewed", "zu prüfen"),
    "reviews_per_hour": Text("reviews an hour", "Prüfungen je Stunde"),
    "cost": Text("cost, {currency}", "Kosten, {currency}"),
    "counted": Text("counted on the set", "gezählt im Datensatz"),
    "counted_line": Text("escapes {escapes} of {bad}, false rejects {rejects} of {good}, UNDECIDED {ng} NG and {ok} OK", "Schlupf {escapes} von {bad}, Pseudofehler {rejects} von {good}, UNKLAR {ng} NG und {ok} OK"),
    "curve": Text("Cost by score", "Kosten nach Score"),
    "curve_hint": Text("{currency} per hour with one score for all classes and no review, on a logarithmic scale. Shaded: the recommended UNDECIDED band for all classes.", "{currency} je Stunde mit einem Score für alle Klassen und ohne Prüfung, logarithmisch. Schattiert: der empfohlene Bereich UNKLAR für alle Klassen."),
    "total": Text("together", "zusammen"),
    "given": Text("What it was chosen for", "Wofür gewählt wurde"),
    "escape_cost": Text("cost of an escape", "Kosten je Schlupf"),
    "overkill_cost": Text("cost of a false reject", "Kosten je Pseudofehler"),
    "review_cost": Text("cost of a review", "Kosten je Prüfung"),
    "parts_per_hour": Text("parts an hour", "Teile je Stunde"),
    "defect_share": Text("share of bad parts", "Anteil schlechter Teile"),
    "review_per_hour": Text("parts a person can review in an hour", "Teile, die ein Mensch je Stunde prüfen kann"),
    "how_thresholds": Text(
        "Tried: a score in the middle of every gap between neighbouring scores. Every kind of defect must be found by itself, as if it were alone on its part. So that a set without a miss does not make the scores reckless, each score is smeared a little, and half a part of either kind, of a score never seen, is added; expected figures have it too. The people who review are taken to be right.",
        "Versucht wurde: ein Score in der Mitte jeder Lücke zwischen benachbarten Scores. Jede Fehlerart muss für sich gefunden werden, als wäre sie allein auf ihrem Teil. Damit ein Datensatz ohne Schlupf nicht leichtsinnig macht, wird jeder Score etwas verwischt und je ein halbes Teil mit nie gesehenem Score hinzugefügt; auch in den erwarteten Zahlen. Wer prüft, gilt als unfehlbar.",
    ),
    "warn.trained": Text("the model was trained on this very set: its figures say nothing about other parts", "mit genau diesem Datensatz wurde trainiert: seine Zahlen sagen nichts über andere Teile"),
    "warn.few": Text("only {bad} NG and {good} OK parts: with fewer than 30 of either, expect the bounds, not the value", "nur {bad} NG- und {good} OK-Teile: unter je 30 zählen die Grenzen, nicht der Wert"),
    "warn.no_miss": Text("no NG part of {bad} was missed, which does not mean that none will be: up to {rate} may be (95 %)", "keines von {bad} NG-Teilen ging durch; das heißt nicht, dass keines wird: bis zu {rate} sind möglich (95 %)"),
    "warn.nothing": Text("at these costs it would be cheapest to let most bad parts pass ({escapes} of {bad} did): the model does not tell them from good ones, or the costs are wrong; do not use these scores", "bei diesen Kosten wäre es am billigsten, die meisten schlechten Teile durchzulassen ({escapes} von {bad}): Das Modell unterscheidet sie nicht von guten, oder die Kosten stimmen nicht; diese Scores nicht verwenden"),
    "warn.everything": Text("at these costs more than half of the good parts would be rejected or reviewed; the model is not good enough for them, or check the costs", "bei diesen Kosten würde über die Hälfte der guten Teile ausgeschleust oder geprüft; das Modell reicht dafür nicht, oder Kosten prüfen"),
    "warn.capacity": Text("{reviews} parts an hour to review are to be expected, more than people can ({capacity})", "{reviews} Teile je Stunde wären zu prüfen, mehr als möglich ({capacity})"),
    "warn.untested": Text("not confirmed: parts that scores were chosen on flatter; give another set with --test", "nicht bestätigt: Teile, auf denen gewählt wurde, schmeicheln; mit --test einen anderen Datensatz angeben"),
    "warn.contradicted": Text("the test set contradicts ({what}): it does worse than chance allows (Fisher's exact test, {p}); do not use these scores", "der Testdatensatz widerspricht ({what}): schlechter, als der Zufall erklärt (exakter Fisher-Test, {p}); diese Scores nicht verwenden"),
    "warn.class": Text("too few NG parts for scores of their own (fewer than {least}): {names}", "zu wenige NG-Teile für eigene Scores (unter {least}): {names}"),
}  # fmt: skip


class Words:
    """Texts and numbers of one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, key: str, **values: object) -> str:
        """A text with its values filled in."""
        return str(getattr(TEXTS[key], self.language)).format(**values)

    def number(self, value: float, digits: int = 0) -> str:
        """1,234.5 in English, 1.234,5 in German."""
        text = f"{value:,.{digits}f}"
        return text if self.language == "en" else text.translate(str.maketrans(",.", ".,"))

    def amount(self, value: float) -> str:
        """A number with as many digits as it deserves: 1,234, 12.3, 0.04."""
        return self.number(value, 0 if value >= 100 or value == round(value) else 1 if value >= 10 else 2)

    def percent(self, rate: float) -> str:
        """A share in per cent, with two digits below ten; never broken before its sign."""
        return self.number(rate * 100, 2 if rate < 0.0995 else 1) + "\u00a0%"

    def score(self, value: float) -> str:
        """A threshold as a recipe has it: up to four digits after the sign, at least two."""
        text = f"{value:.4f}"
        while text.endswith("0") and len(text.partition(".")[2]) > 2:
            text = text[:-1]
        return text if self.language == "en" else text.replace(".", ",")

    def chance(self, p: float) -> str:
        """`p = 0.0412`, `p < 0.0001`."""
        return f"p = {self.number(p, 4)}" if p >= 0.0001 else f"p < {self.number(0.0001, 4)}"

    def place(self, path: str) -> str:
        """A file with its folder, which is enough to know it by."""
        return "/".join(PurePath(path).parts[-2:])

    def share(self, row: dict[str, Any]) -> str:
        """`3 of 150`."""
        return self("of", count=self.number(row["count"]), of=self.number(row["of"]))

    def bounds(self, row: dict[str, Any]) -> str:
        """`95 % sure: 0.41 % to 5.73 %`."""
        return self("sure", low=self.percent(row["low"]), high=self.percent(row["high"]))
