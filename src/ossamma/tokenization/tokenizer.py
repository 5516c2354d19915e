"""The piece tokenizer: byte-level BPE trained here, or what an encoder of transformers came with.

`PieceTokenizer.encode_words` is the model's door: it turns words, as someone split them, into
pieces word by word, so that a piece always belongs to exactly one word, and every word has one.
Ours is byte-level: every character of every script has pieces, and nothing is ever unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import BundleError, ConfigurationError

PAD, UNK, CLS, SEP, MASK = SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CACHE_LIMIT = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerSettings:
    """How a tokenizer is trained."""

    vocab_size: int = 32_000
    """Number of pieces, special tokens and the 256 bytes included."""
    min_frequency: int = 2
    """A pair of pieces is merged only if it occurs at least this often."""

    def __post_init__(self) -> None:
        smallest = 256 + len(SPECIAL_TOKENS)
        if self.vocab_size < smallest:
            raise ConfigurationError(
                f"vocab_size must be at least {smallest} (256 bytes and the special tokens), "
                f"got {self.vocab_size}"
            )
        if self.min_frequency < 1:
            raise ConfigurationError(f"min_frequency must be at least 1, got {self.min_frequency}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecialTokens:
    """What a tokenizer calls its special pieces. The defaults are ours."""

    pad: str = PAD
    """Fills up batches."""
    unk: str = UNK
    """Stands for a word that has no pieces."""
    cls: str = CLS
    """Begins a window."""
    sep: str = SEP
    """Ends a window, and stands between lines."""
    mask: str = MASK
    """Stands for a hidden piece."""


class PieceTokenizer:
    """Words to pieces, with a cache of words already seen.

    Takes the underlying tokenizer over. Safe to share between threads: that tokenizer is only ever
    read, and the cache is a plain dictionary whose entries never change once written.
    """

    def __init__(self, tokenizer: Tokenizer, specials: SpecialTokens | None = None) -> None:
        specials = specials or SpecialTokens()
        numbers = tokenizer.get_vocab(with_added_tokens=True)
        missing = [token for token in astuple(specials) if token not in numbers]
        if missing:
            raise BundleError(f"the tokenizer lacks the special tokens {', '.join(missing)}")
        # "[MASK]" written in a text is six characters, not the mask.
        tokenizer.encode_special_tokens = True
        # A tokenizer.json may ask for either; a word's pieces must be all of its pieces, no more.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.backend = tokenizer
        self.specials = specials
        self.pad_id: int = numbers[specials.pad]
        self.unk_id: int = numbers[specials.unk]
        self.cls_id: int = numbers[specials.cls]
        self.sep_id: int = numbers[specials.sep]
        self.mask_id: int = numbers[specials.mask]
        self._cache: dict[str, tuple[int, ...]] = {}

    @property
    def vocab_size(self) -> int:
        """Number of pieces, special tokens included."""
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    def encode_words(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the pieces of each word; at least one piece per word.

        Every word is encoded as if a space stood before it, whatever stood there in the text: a
        corpus that comes as words and a text that comes raw then look the same to the model.
        Tokenizers of all families read that space as the beginning of a word. What a tokenizer
        has no pieces for, such as a control character alone, is unknown.
        """
        cache = self._cache
        unseen = list(dict.fromkeys(word for word in words if word not in cache))
        if not unseen:
            return [cache[word] for word in words]
        readable = [" " + _readable(word) for word in unseen]
        encodings = self.backend.encode_batch(readable, add_special_tokens=False)
        found = {
            word: tuple(encoding.ids) or (self.unk_id,)
            for word, encoding in zip(unseen, encodings, strict=True)
        }
        if len(cache) + len(found) <= _CACHE_LIMIT:
            cache.update(found)
        return [found[word] if word in found else cache[word] for word in words]

    def encode_text(self, text: str) -> list[int]:
        """Return the pieces of a raw text; `decode` gives the text back, byte for byte."""
        return list(self.backend.encode(_readable(text), add_special_tokens=False).ids)

    def decode(self, pieces: Sequence[int]) -> str:
        """Return the text of pieces made by `encode_text`."""
        return str(self.backend.decode(list(pieces), skip_special_tokens=False))

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` into the folder, completely or not at all.

        Raises:
            DataError: the folder does not exist or cannot be written.
        """
        with atomic_write(folder / TOKENIZER_FILE) as file:
            file.write(self.backend.to_str(pretty=False))

    @classmethod
    def load(cls, folder: Path) -> PieceTokenizer:
        """Read `tokenizer.json` from a folder, and the names of special tokens from beside it.

        Raises:
            BundleError: there is none, it cannot be read, or it lacks a special token.
        """
        path = folder / TOKENIZER_FILE
        if not path.is_file():
            raise BundleError(f"expected a tokenizer at {path}, found none")
        try:
            return cls(Tokenizer.from_file(str(path)), _stated_specials(folder))
        except BundleError:
            raise
        except Exception as error:  # the Rust side raises plain Exception for a malformed file
            raise BundleError(f"{path} is not a readable tokenizer: {error}") from error

    def to_transformers(self, model_max_length: int) -> PreTrainedTokenizerFast:
        """The same tokenizer under the Transformers interface."""
        return PreTrainedTokenizerFast(
            tokenizer_object=self.backend,
            model_max_length=model_max_length,
            pad_token=self.specials.pad,
            unk_token=self.specials.unk,
            cls_token=self.specials.cls,
            sep_token=self.specials.sep,
            mask_token=self.specials.mask,
        )


def train_tokenizer(texts: Iterable[str], settings: TokenizerSettings) -> PieceTokenizer:
    """Train a byte-level BPE tokenizer (Sennrich et al. 2016) on texts.

    The result depends on the texts and settings alone.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNK))
    # No prefix space, and spaces kept inside the pieces: raw text round-trips exactly.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size,
        min_frequency=settings.min_frequency,
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((_readable(text) for text in texts), trainer=trainer)
    return PieceTokenizer(tokenizer)


def _stated_specials(folder: Path) -> SpecialTokens:
    """Read the names of special tokens that `to_transformers` wrote; ours where none are stated."""
    path = folder / TOKENIZER_CONFIG_FILE
    if not path.is_file():
        return SpecialTokens()
    stated = json.loads(path.read_text(encoding="utf-8"))
    named = {field.name: stated.get(f"{field.name}_token") for field in fields(SpecialTokens)}
    return SpecialTokens(**{name: token for name, token in named.items() if isinstance(token, str)})


def _readable(text: str) -> str:
    """Lone surrogates have no UTF-8 form; the replacement keeps the number of characters."""
    return _SURROGATE.sub("\ufffd", text)
