"""Text to token ids with the model's own tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer as _Tokenizer
from tokenizers.models import Unigram, WordPiece
from tokenizers.normalizers import BertNormalizer

from polyseek.errors import ModelError
from polyseek.models.fields import read_fields
from polyseek.models.q4 import NEVER
from polyseek.models.spec import Architecture

END_TOKENS: Mapping[Architecture, tuple[str, ...]] = {
    "bert": ("[SEP]", "</s>"),
    "xlm-roberta": ("</s>",),
    # Not the eos_token of its configuration, which ends a turn of a dialogue.
    "qwen3": ("<|endoftext|>",),
}
"""What a text ends with, where the model was trained on texts that do; some vocabularies of BERT's
are XLM-R's."""


class Tokenizer:
    """A `tokenizer.json`. It never truncates, never pads, and takes text as text: a special token
    written out in a document is not one. The file is read when it is first needed."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "tokenizer.json"

    @cached_property
    def size(self) -> int:
        """Ids go from 0 to one less."""
        return self._inner.get_vocab_size()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, with the special tokens that the model wants around it."""
        return [encoding.ids for encoding in self._inner.encode_batch_fast(list(texts))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without special tokens."""
        encoded = self._inner.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encoded]

    def check(self, architecture: Architecture) -> None:
        """That a text becomes what a model of its kind was trained on.

        Raises:
            ModelError: it is not cut into words, is lower-cased although the model's settings say
                otherwise or the other way round, or does not end with the model's end token. Every
                vector would be wrong and none look so.
        """
        self._check_words()
        self._check_case()
        self._check_end(architecture)

    def _check_words(self) -> None:
        without = self._inner.pre_tokenizer is None and "▁" not in self._normalized("a b")
        cased = isinstance(self._inner.model, WordPiece) and self._inner.normalizer is None
        if without or cased:
            raise ModelError(
                f"{self._path} has no {'pre_tokenizer' if without else 'normalizer'}, so a text "
                "would not be cut into the model's words; fetch it again, whole"
            )

    def _check_case(self) -> None:
        """What other files of the model say of it, to libraries that take a text through them."""
        lowers = self._normalized("A") != self._normalized("A").upper()
        before = read_fields(self._path.parent / "sentence_bert_config.json")
        asked = [(before.path, True)] if before.get("do_lower_case") is True else []
        own = read_fields(self._path.parent / "tokenizer_config.json")
        heeded = own.text("tokenizer_class", "Bert").startswith("Bert")  # others do not look at it
        if heeded and isinstance(self._inner.normalizer, BertNormalizer) and "do_lower_case" in own:
            asked.append((own.path, own["do_lower_case"] is True))
        for path, wanted in asked:
            if wanted is not lowers:
                raise ModelError(
                    f"{path} has do_lower_case {wanted}, and the normalizer of {self._path} "
                    f"{'lower-cases' if lowers else 'does not lower-case'}; set the two alike, as "
                    "the model was trained"
                )

    def _normalized(self, text: str) -> str:
        inner = self._inner.normalizer
        return text if inner is None else inner.normalize_str(text)

    def _check_end(self, architecture: Architecture) -> None:
        """Last-token pooling would take the last word's."""
        last = next(iter(reversed(self.encode(["a"])[0])), None)
        wanted = END_TOKENS[architecture]
        if last is None or self._inner.id_to_token(last) not in wanted:
            ids = [f"{token!r} (id {self._inner.token_to_id(token)})" for token in wanted]
            raise ModelError(
                f"{self._path} ends a text with the id {last} and not with {' or '.join(ids)}, so "
                "its vectors would be wrong; take the tokenizer.json that was published with the "
                "embedding model, whose post_processor adds the token"
            )

    @cached_property
    def _inner(self) -> _Tokenizer:
        try:
            inner = _Tokenizer.from_file(str(self._path))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(
                f"{self._path} cannot be read: {error}; fetch the model's directory again, whole"
            ) from error
        inner = _blind(inner)
        inner.no_truncation()
        inner.no_padding()
        inner.encode_special_tokens = True
        return inner


def _blind(inner: _Tokenizer) -> _Tokenizer:
    """The tokenizer without the special tokens among the pieces that its unigram model finds in a
    text: it has them there too, at the best of scores, and so would find them even so."""
    special = {token.content for token in inner.get_added_tokens_decoder().values()}
    if not special or not isinstance(inner.model, Unigram):
        return inner
    told = json.loads(inner.to_str())
    pieces = told["model"]["vocab"]
    told["model"]["vocab"] = [[p, NEVER if p in special else score] for p, score in pieces]
    return _Tokenizer.from_str(json.dumps(told))
