"""Texts to vectors by an ONNX folder: model.onnx and tokenizer.json, as sentence-transformers and E5 models are exported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dashboard.assistant.errors import EmbeddingError
from dashboard.assistant.settings import Embedding

Vectors = NDArray[np.float32]
BATCH = 16


class Embedder:
    """One model, loaded.

    Attributes:
        model: SHA-256 over everything that changes a vector; stands beside every vector that is kept.
        width: length of a vector.
    """

    def __init__(self, settings: Embedding) -> None:
        """Load it and try it once.

        Raises:
            EmbeddingError: a file is missing, damaged, or not the one the settings name.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        folder = Path(settings.folder)
        try:
            model, words = (folder / "model.onnx").read_bytes(), (folder / "tokenizer.json").read_bytes()
        except OSError as error:
            raise EmbeddingError(
                f"{error.filename}: cannot be read ({error.strerror}); embedding.folder needs model.onnx and tokenizer.json"
            ) from error
        digest = hashlib.sha256(model).hexdigest()
        if settings.sha256 not in ("", digest):
            raise EmbeddingError(f"{folder}/model.onnx: its SHA-256 is {digest}, not embedding.sha256; put the right file there")
        shape = [
            digest,
            hashlib.sha256(words).hexdigest(),
            settings.pooling,
            settings.passage_prefix,
            settings.query_prefix,
            settings.max_tokens,
        ]
        self.model = hashlib.sha256(json.dumps(shape).encode()).hexdigest()
        self._settings = settings
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        # threads that spin between two questions would take the cores from the station
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._tokenizer = Tokenizer.from_str(words.decode())
            self._tokenizer.no_padding()  # a tokenizer's own padding would make every question as long as the longest text
            self._tokenizer.enable_truncation(settings.max_tokens)
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            self._inputs = {one.name for one in self._session.get_inputs()}
            self.width = int(self.embed(["Probe"], question=True).shape[1])
        except EmbeddingError:
            raise
        except Exception as error:  # both libraries raise what their natives say
            raise EmbeddingError(
                f"{folder}: is no usable model ({str(error).splitlines()[0][:200]}); export it with tokenizer.json"
            ) from error

    def embed(self, texts: Sequence[str], question: bool) -> Vectors:
        """One row of length 1 per text.

        Args:
            question: whether these are questions or passages; some models want them marked.

        Raises:
            EmbeddingError: the model answers something else than vectors.
        """
        prefix = self._settings.query_prefix if question else self._settings.passage_prefix
        codes = self._tokenizer.encode_batch([prefix + text for text in texts])
        length = max(len(code.ids) for code in codes)
        ids, mask = np.zeros((len(codes), length), np.int64), np.zeros((len(codes), length), np.int64)
        for row, code in enumerate(codes):
            ids[row, : len(code.ids)] = code.ids
            mask[row, : len(code.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        if hidden.ndim != 3 or hidden.shape[:2] != ids.shape:
            raise EmbeddingError(
                f"{self._settings.folder}: answers {hidden.shape}, not a vector per word; export the model without its head"
            )
        if self._settings.pooling == "first":
            pooled = hidden[:, 0]
        else:
            weight = mask[:, :, None].astype(np.float32)
            pooled = (hidden * weight).sum(1) / weight.sum(1)
        norm = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.maximum(norm, 1e-12), np.float32)
