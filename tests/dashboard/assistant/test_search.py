"""Search: what is found, what a role cannot see nor feel, exact numbers, filters, vectors, and how it is measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from dashboard.assistant.documents import About, Piece
from dashboard.assistant.embedding import Embedder
from dashboard.assistant.erase import erase
from dashboard.assistant.errors import AssistantError, EmbeddingError
from dashboard.assistant.evaluation import Question, measures, read_set
from dashboard.assistant.language import language_of
from dashboard.assistant.safe import Safe
from dashboard.assistant.search import Filters, Search, embed_missing
from dashboard.assistant.settings import Embedding
from dashboard.assistant.shard import Entry, Shard, analyze, terms

TEXTS = {
    "torque": "Das Anzugsdrehmoment der Schrauben M8x20 beträgt 12 Nm.",
    "steel": "Das Blech ist aus Stahl nach DIN EN 10025-2, Güte S355J2.",
    "pipe": "Das Rohr ist aus Stahl nach DIN EN 10216-1.",
    "storage": "Teile werden trocken gelagert, bei höchstens 2.500 Stück je Palette.",
    "part": "Teil 4711-A/03 ersetzt Teil 4711-B/03.",
    "leak": "The housings are leak tested at 2.5 bar for 30 seconds.",
}


def fill(safe: Safe, collection: str = "handbook", texts: dict[str, str] = TEXTS) -> None:
    for name, text in texts.items():
        safe.keep(collection, name, text.encode(), [Piece(text)], "text")


def search_of(safe: Safe, embedder: Embedder | None = None, weight: float = 1.0) -> Search:
    made = Search(safe, Embedding(weight_de=weight, weight_en=weight), embedder)
    made.refresh()
    return made


def names(search: Search, question: str, role: str = "sales", most: int = 10, filters: Filters | None = None) -> list[str]:
    return [hit.chunk.name for hit in search.search(role, question, most, filters or Filters())]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Mit welchem Drehmoment werden Schrauben angezogen?", "torque"),
        ("M8x20", "torque"),
        ("Welches Teil hat die Nummer 4711-A/03?", "part"),
        ("DIN EN 10025-2", "steel"),
        ("din en 10216-1", "pipe"),
        ("EN 10216-1", "pipe"),
        ("Wie wird gelagert?", "storage"),
        ("2.500", "storage"),
        ("How are the housings tested for leaks?", "leak"),
    ],
)
def test_the_passage_comes_first(safe: Safe, question: str, first: str) -> None:
    fill(safe)
    assert names(search_of(safe), question)[0] == first


def test_a_number_is_no_other_number() -> None:
    """Whole identifiers and norms are words of their own."""
    assert ("exact", "4711-a/03") in terms("Teil 4711-A/03.")
    assert ("exact", "2.500,00") in terms("Preis 2.500,00 €")
    assert ("norm", "din_en_10025-2") in terms("nach DIN EN\xa010025-2 geprüft")
    assert ("exact", "10025-2") not in terms("DIN EN 10025-1")
    assert not [word for field, word in terms("nur Wörter, keine Zahl") if field in ("exact", "norm")]


@settings(max_examples=15)
@given(
    st.lists(
        st.sampled_from(["Drehmoment 12 Nm Stahl", "Stahl", "Blech Güte", "trocken lagern Teile", "Schrauben Schrauben Stahl"]), max_size=12
    )
)
def test_what_a_role_may_not_see_changes_no_score(hidden: list[str]) -> None:
    """Whatever lies in a forbidden collection: names, order and scores of the answer are the same to the last bit."""
    import tempfile

    from dashboard.assistant.secrets import Secret

    with tempfile.TemporaryDirectory() as folder:
        safe = Safe.make(Path(folder) / "safe", Secret("key", bytes(32)))
        safe.collect("handbook", ["operator", "sales"])
        safe.collect("quotes", ["sales"])
        fill(safe)
        questions = ["Welcher Stahl?", "Drehmoment der Schrauben", "4711-A/03", "Güte Blech"]
        search = search_of(safe)
        before = [[(h.chunk.id, h.score) for h in search.search("operator", q)] for q in questions]
        fill(safe, "quotes", {str(k): text for k, text in enumerate(hidden)})
        search.refresh()
        assert [[(h.chunk.id, h.score) for h in search.search("operator", q)] for q in questions] == before
        assert search.search("nobody", "Stahl") == []
        assert search.search("operator", "Stahl", filters=Filters(collections=frozenset({"quotes"}))) == []
        safe.lock()


def test_how_rare_a_word_is_counts_over_all_that_is_visible(safe: Safe) -> None:
    """A word that is rare in a small collection, but common in all that the asker sees, gains nothing from the split."""
    fill(safe, "quotes", {f"q{k}": f"Stahl Angebot Nummer {k}" for k in range(20)})
    fill(safe, "handbook", {"a": "Stahl und Kupfer", "b": "Kupfer Messing", "c": "Messing Kupfer Zinn"})
    found = search_of(safe).search("sales", "Stahl Messing")
    assert {hit.chunk.name for hit in found[:2]} == {"b", "c"}  # of 23 passages 2 have Messing, 21 Stahl


def test_changed_roles_and_versions_and_erasures_hold(safe: Safe) -> None:
    fill(safe)
    fill(safe, "quotes", {"offer": "Angebot über Stahl"})
    search = search_of(safe)
    assert "offer" not in names(search, "Angebot", "operator")
    safe.collect("quotes", ["sales", "operator"])
    assert names(search, "Angebot", "operator") == ["offer"]  # before any refresh
    safe.collect("quotes", ["sales"])
    assert names(search, "Angebot", "operator") == []
    fill(safe, "handbook", {"torque": "Jetzt 14 Nm"})
    search.refresh()
    assert [(h.chunk.version, h.chunk.piece.text) for h in search.search("sales", "Nm")] == [(2, "Jetzt 14 Nm")]
    gone = [d.id for d in safe.documents() if d.name == "torque"]
    erase(safe, gone, "anna", "test")
    assert names(search, "Nm") == []  # the index still has it, the answer does not
    assert search.refresh() == len(TEXTS)  # and now the index has not either
    search.clear()
    assert names(search, "Stahl") == []


def test_filters(safe: Safe) -> None:
    for name, about in {
        "agreed": About("Müller GmbH", "agreement", "2024-03-15"),
        "old": About("Müller GmbH", "agreement", "2023-01-01"),
        "other": About("Schmidt KG", "agreement", "2024-05-01"),
        "quote": About("Müller GmbH", "quote", "2024-04-01"),
        "undated": About("Müller GmbH", "agreement"),
    }.items():
        safe.keep("handbook", name, name.encode(), [Piece(f"Zahlungsziel 30 Tage {name}")], "text", about=about)
    search = search_of(safe)

    def found(**kinds: str) -> set[str]:
        return set(names(search, "Zahlungsziel", filters=Filters(**kinds)))  # type: ignore[arg-type]

    assert found() == {"agreed", "old", "other", "quote", "undated"}
    assert found(supplier="müller", type="agreement", since="2024-01-01", until="2024-12-31") == {"agreed"}
    assert found(supplier="schmidt") == {"other"}
    assert found(until="2023-12-31") == {"old"}
    assert found(supplier="nobody") == set()


def tiny_model(folder: Path, width: int = 64) -> Embedding:
    """A real ONNX folder: each word has a random vector, a few meaning the same have the same one."""
    words = ["[UNK]", "torque", "Drehmoment", "steel", "Stahl", "storage", "Lager", "q:"]
    table = np.random.default_rng(3).standard_normal((len(words), width)).astype(np.float32)
    table[0] = table[7] = 0
    for a, b in ((1, 2), (3, 4), (5, 6)):
        table[b] = table[a]
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "n"]) for name in ("input_ids", "attention_mask")]
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "n", width])
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([node], "tiny", ids, [out], [numpy_helper.from_array(table, "table")])
    folder.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / "model.onnx")
    tokenizer = Tokenizer(WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_padding(length=32)  # to be overridden
    tokenizer.save(str(folder / "tokenizer.json"))
    return Embedding(folder=str(folder), threads=1)


def test_vectors_find_what_no_word_finds(safe: Safe, tmp_path: Path) -> None:
    embedder = Embedder(tiny_model(tmp_path / "m"))
    fill(safe, "handbook", {"a": "Drehmoment", "b": "Lager", "c": "Stahl"})
    assert embed_missing(safe, embedder) == 3
    assert embed_missing(safe, embedder) == 0
    search = search_of(safe, embedder)
    hit = search.search("sales", "torque")[0]
    assert (hit.chunk.name, hit.words, round(hit.cosine, 2)) == ("a", 0.0, 1.0)
    assert names(search_of(safe), "torque") == []
    fill(safe, "handbook", {"d": "torque"})
    search.refresh()
    embed_missing(safe, embedder)
    search.refresh()  # passages that were loaded without a vector have one now
    assert {h.chunk.name for h in search.search("sales", "Drehmoment") if h.cosine > 0.99} == {"a", "d"}
    assert names(search, "torque", filters=Filters(supplier="nobody")) == []


def test_a_model_folder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    fine = tiny_model(tmp_path / "m")
    with pytest.raises(EmbeddingError, match="needs model"):
        Embedder(fine.model_copy(update={"folder": str(tmp_path)}))
    with pytest.raises(EmbeddingError, match="its SHA-256 is"):
        Embedder(fine.model_copy(update={"sha256": "0" * 64}))
    assert Embedder(fine).model != Embedder(fine.model_copy(update={"pooling": "first"})).model
    (tmp_path / "m/tokenizer.json").write_text("{}")
    with pytest.raises(EmbeddingError, match="no usable model"):
        Embedder(fine)


def test_bits_then_floats_find_the_nearest(tmp_path: Path) -> None:
    """Over 4,000 vectors, where only 1,000 are compared exactly: the true nearest is found."""
    vectors = np.random.default_rng(5).standard_normal((4000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    half = vectors.astype(np.float16)
    shard = Shard([Entry(k, k, analyze("x"), v.tobytes()) for k, v in enumerate(half)], 384)
    asked = vectors[:50] + 0.05 * np.random.default_rng(6).standard_normal((50, 384)).astype(np.float32)
    for one in asked:
        found = shard.by_vector(one, 10, None)
        exact = half.astype(np.float32) @ one
        assert next(iter(found)) == int(np.argmax(exact))
        assert all(math.isclose(score, exact[row], rel_tol=1e-3, abs_tol=1e-4) for row, score in found.items())


@pytest.mark.parametrize(
    ("question", "language"),
    [("Wer verlor das Spiel?", "de"), ("Who lost the game?", "en"), ("4711-A", "de"), ("Prüfplan", "de"), ("torque of the screws", "en")],
)
def test_language(question: str, language: str) -> None:
    assert language_of(question) == language


def test_measures_by_hand() -> None:
    assert measures(["a", "b"], ["a"]) == (1, 1, 1, 1, 1)
    assert measures(["x", "b"], ["b"]) == (0, 1, 1, 0.5, 1 / math.log2(3))
    assert measures(["x"], ["b"]) == (0, 0, 0, 0, 0)
    two = measures(["a", "x", "b"], ["a", "b"])
    assert math.isclose(two[4], (1 + 1 / 2) / (1 + 1 / math.log2(3)))


def test_a_set_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "q.json"
    file.write_text(json.dumps([{"id": "1", "question": "x", "relevant": ["a"], "answers": ["more"]}]))
    assert read_set(file, Question) == [Question("1", "x", ["a"])]
    for text in ("[]", "{", '[{"id": 1}]'):
        file.write_text(text)
        with pytest.raises(AssistantError):
            read_set(file, Question)


def test_the_commands_search_and_measure(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from dashboard.assistant.searching import assistant
    from dashboard.assistant.secrets import make_key_file

    safe = Safe.make(tmp_path / "safe", make_key_file(tmp_path / "key"))
    safe.collect("handbook", ["operator"])
    fill(safe)
    safe.lock()
    config = tmp_path / "a.toml"
    config.write_text('[store]\nfolder = "safe"\nkey_file = "key"\n')
    (tmp_path / "q.json").write_text(
        json.dumps([{"id": "1", "lang": "de", "question": "Drehmoment der Schrauben", "relevant": ["torque"]}])
    )
    (tmp_path / "p.json").write_text(json.dumps([{"id": name, "text": text} for name, text in TEXTS.items()]))
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.assistant.guard.guard_memory", lambda: type("G", (), {"dumps": True, "words": ""}))
        said = runner.invoke(assistant, ["search", "DIN EN 10025-2", "--role", "operator", "--config", str(config), "--json"])
    assert json.loads(said.stdout.splitlines()[0])["name"] == "steel", said.output
    sets = [str(tmp_path / "q.json"), "--passages", str(tmp_path / "p.json"), "--json"]
    assert json.loads(runner.invoke(assistant, ["eval", *sets]).stdout)["de"]["r1"] == 1
    timed = json.loads(runner.invoke(assistant, ["bench", *sets, "--chunks", "300"]).stdout)
    assert timed["chunks"] == 300
