"""`gutteil assistant`: search from the command line, and the measurement of the search."""

from __future__ import annotations

import secrets as random
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dashboard.assistant.commands import Config, Json, console, installed, opened, print_json

assistant = typer.Typer(help="The assistant: search the documents, measure the search.", no_args_is_help=True)
Optional = Annotated[Path | None, typer.Option("--config", help="settings of the assistant, for its model; default: words alone")]
Passages = Annotated[Path, typer.Option(help="JSON list of passages with id, text, lang and title")]


@assistant.command()
def search(
    question: Annotated[str, typer.Argument(help="in German or English")],
    config: Config,
    role: Annotated[str, typer.Option(help="role of the asker: what it may not see is not searched")],
    most: Annotated[int, typer.Option(help="passages", min=1, max=100)] = 5,
    collection: Annotated[list[str] | None, typer.Option("--collection", help="only these; default: all that the role may ask")] = None,
    supplier: Annotated[str, typer.Option(help="only documents of this supplier")] = "",
    type: Annotated[str, typer.Option(help="only documents of this type")] = "",
    since: Annotated[str, typer.Option(help="only documents of this date or later (2024-03-15)")] = "",
    until: Annotated[str, typer.Option(help="only documents of this date or earlier")] = "",
    as_json: Json = False,
) -> None:
    """Find the passages for a question; no language model is asked."""
    with opened(config) as (safe, settings):
        from dashboard.assistant.embedding import Embedder
        from dashboard.assistant.search import Filters, Search

        engine = Search(safe, settings.embedding, Embedder(settings.embedding) if settings.embedding.folder else None)
        engine.refresh()
        for hit in engine.search(role, question, most, Filters(frozenset(collection or ()), supplier, type, since, until)):
            chunk, piece = hit.chunk, hit.chunk.piece
            if as_json:
                print_json({**vars(chunk), "piece": vars(piece), "about": vars(chunk.about), "score": hit.score})
            else:
                place = f", page {piece.page}" if piece.page else ""
                row = f", row {piece.row}" if piece.row else ""
                sure = "" if piece.verified else " (read by OCR: numbers unverified)"
                print(f"{chunk.name} v{chunk.version}{place}{row}{sure}\n{piece.text}\n")


@assistant.command("eval")
def eval_(
    questions: Annotated[Path, typer.Argument(help="JSON list of questions with id, lang, question and relevant")],
    passages: Passages,
    config: Optional = None,
    as_json: Json = False,
) -> None:
    """Measure the search on a set of questions, in a safe made for it: recall@1, 5, 10, MRR, nDCG@10, by language."""
    with installed():
        from dashboard.assistant import settings as file
        from dashboard.assistant.embedding import Embedder
        from dashboard.assistant.evaluation import Passage, Question, as_json_text, evaluate, keep_passages, read_set
        from dashboard.assistant.safe import Safe
        from dashboard.assistant.search import Search, embed_missing
        from dashboard.assistant.secrets import KEY_BYTES, Secret

        embedding = file.read(config).embedding if config is not None else file.Embedding()
        asked, held = read_set(questions, Question), read_set(passages, Passage)
        with tempfile.TemporaryDirectory() as folder, console.status("", spinner="line") as status:
            safe = Safe.make(Path(folder) / "safe", Secret("key", random.token_bytes(KEY_BYTES)))
            safe.collect("set", ["eval"])
            keep_passages(safe, "set", held)
            embedder = Embedder(embedding) if embedding.folder else None
            if embedder is not None:
                embed_missing(safe, embedder, lambda done, of: status.update(f"passage {done} of {of}"))
            engine = Search(safe, embedding, embedder)
            engine.refresh()
            found = evaluate(engine, "eval", asked, lambda done, of: status.update(f"question {done} of {of}"))
            safe.lock()
        if as_json:
            sys.stdout.write(as_json_text(found) + "\n")
            return
        print("language  questions  R@1    R@5    R@10   MRR    nDCG@10  other language R@10  p50 ms  p99 ms")
        for lang, m in found.items():
            print(
                f"{lang:<8}  {m.questions:>9}  {m.r1:.3f}  {m.r5:.3f}  {m.r10:.3f}  {m.mrr:.3f}  {m.ndcg:.3f}    {m.cross:.3f}                {m.p50_ms:>6.1f}  {m.p99_ms:>6.1f}"
            )


@assistant.command()
def bench(
    questions: Annotated[Path, typer.Argument(help="JSON list of questions")],
    passages: Passages,
    chunks: Annotated[int, typer.Option(help="passages in the safe", min=100, max=1_000_000)] = 100_000,
    config: Optional = None,
    as_json: Json = False,
) -> None:
    """Measure unlock time, memory and answer times of the search over many passages, made of the sentences of a set."""
    with installed():
        from dashboard.assistant import benchmark
        from dashboard.assistant import settings as file
        from dashboard.assistant.embedding import Embedder
        from dashboard.assistant.evaluation import Passage, Question, read_set
        from dashboard.assistant.secrets import KEY_BYTES, Secret

        embedding = file.read(config).embedding if config is not None else file.Embedding()
        embedder = Embedder(embedding) if embedding.folder else None
        asked, held = read_set(questions, Question), read_set(passages, Passage)
        secret = Secret("key", random.token_bytes(KEY_BYTES))
        with tempfile.TemporaryDirectory() as folder:
            with console.status(f"filling a safe with {chunks} passages", spinner="line"):
                benchmark.fill(Path(folder) / "safe", secret, held, chunks, embedder)
            timed = benchmark.ask(Path(folder) / "safe", secret, embedding, embedder, asked)
        if as_json:
            print_json(vars(timed))
        else:
            for name, value in vars(timed).items():
                print(f"{name:<14} {value}")
