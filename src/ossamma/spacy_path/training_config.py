"""A complete spaCy training configuration out of a profile, the hardware and the data.

Each value stands below its reason, and nothing is left for spaCy to fill in.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from spacy.cli.init_config import init_config
from spacy.util import load_config_from_str

from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import Profile
from ossamma.spacy_path.config_components import (
    DROPOUT,
    ENCODER,
    TOK2VEC,
    encoder_sections,
    spacy_transformers_sections,
    tok2vec_sections,
)
from ossamma.spacy_path.docbin_facts import DocBinFacts
from ossamma.spacy_path.encoder_facts import EncoderFacts
from ossamma.spacy_path.hardware import Hardware
from ossamma.spacy_path.setting import Reference, Setting, Value, section, written
from ossamma.spacy_path.training_plan import (
    EFFECTIVE_DOCUMENTS,
    Batches,
    Length,
    learning_rate,
    plan_batches,
    plan_length,
)

DEFAULT_ENCODER: Final = "roberta-base"
"""Of the original run."""
_BASE: Final = "as in spaCy's own base"
_EMPTY: Final = ("initialize.components", "initialize.tokenizer", "pretraining")
_NO_HOOK: Final = "no hook is needed"


class Architecture(StrEnum):
    """Whose code runs the encoder."""

    OSSAMMA = "ossamma"
    SPACY_TRANSFORMERS = "spacy-transformers"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigRequest:
    """What the configuration is for."""

    profile: Profile
    """Whose types are to be learnt."""
    hardware: Hardware
    """What it runs on."""
    encoder: EncoderFacts | None = None
    """None: spaCy's own tok2vec, nothing pre-trained."""
    architecture: Architecture = Architecture.OSSAMMA
    """Of the encoder."""
    data: DocBinFacts | None = None
    """Of the training file; None: the original run's figures are taken."""
    balance: bool = False
    """Documents with rare types are read more often."""
    language: str = "en"
    """Of the texts."""
    seed: int = 0
    """Of weights and order."""

    def __post_init__(self) -> None:
        if self.encoder is None and self.architecture is not Architecture.OSSAMMA:
            raise ConfigurationError(f"{self.architecture} runs an encoder; give one (--model)")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The settings in their order."""

    title: str
    settings: tuple[Setting, ...]

    @property
    def text(self) -> str:
        """The file, reasons and all."""
        return written(self.settings, title=self.title, empty=_EMPTY)


def make_config(request: ConfigRequest) -> TrainingConfig:
    """Derive every value.

    Raises:
        ConfigurationError: the encoder does not fit into the memory.
    """
    batches = None
    if request.encoder is not None:
        batches = plan_batches(request.encoder, request.hardware, request.data)
    length = plan_length(request.data, has_encoder=request.encoder is not None)
    settings = [
        *_files(),
        *_system(request),
        *_pipeline(request),
        *_components(request, batches),
        *_corpora(request),
        *_training(request, length, batches),
        *_optimizer(request, length),
        *_batcher(batches),
        *_judgement(),
        *_initialize(),
    ]
    return TrainingConfig(_title(request), tuple(settings))


def base_diff(config: TrainingConfig, *, language: str, gpu: bool) -> str:
    """Return what this configuration changes in `spacy init config`'s, as a unified diff."""
    base = init_config(
        lang=language, pipeline=["ner"], optimize="efficiency", gpu=gpu, silent=True
    ).to_str()
    ours = load_config_from_str(config.text).to_str()
    return "".join(
        difflib.unified_diff(
            base.splitlines(keepends=True),
            ours.splitlines(keepends=True),
            "spacy init config --pipeline ner --optimize efficiency" + " --gpu" * gpu,
            "ossamma spacy config",
        )
    )


def _title(request: ConfigRequest) -> str:
    types = request.profile.labels.types
    encoder = request.encoder
    has_gpu = request.hardware.vram_gib is not None
    runs_on = f"a GPU of {request.hardware.vram_gib:g} GiB" if has_gpu else "a CPU"
    lines = [
        f"Training of profile {request.profile.name} ({len(types)} types), on {runs_on} "
        f"({request.hardware.said_by}), "
        + (f"with the encoder {encoder.name}" if encoder else "with spaCy's own tok2vec"),
        "Made by `ossamma spacy config`; the line above a value says why it is that.",
    ]
    if request.data is not None:
        absent = sorted(set(types) - set(request.data.labels))
        strange = sorted(set(request.data.labels) - set(types))
        if absent:
            lines.append(f"Not in the training data, so never predicted: {', '.join(absent)}.")
        if strange:
            lines.append(f"In the training data, but not in the profile: {', '.join(strange)}.")
    return "\n".join(lines)


def _files() -> list[Setting]:
    asked = "given on the command line: `--paths.{0} FILE`, or `ossamma spacy train --{0} FILE`"
    return section(
        "paths",
        {
            "train": (None, asked.format("train")),
            "dev": (None, asked.format("dev")),
            "vectors": (None, "no word vectors"),
            "init_tok2vec": (None, "no weights of `spacy pretrain`"),
        },
    )


def _system(request: ConfigRequest) -> list[Setting]:
    on_gpu = request.hardware.vram_gib is not None
    allocator = (
        ("pytorch", "cupy and torch share one pool, else each keeps what the other needs")
        if on_gpu
        else (None, "there is no GPU whose memory is to be shared")
    )
    return section(
        "system",
        {"gpu_allocator": allocator, "seed": (request.seed, "of weights and order")},
    )


def _pipeline(request: ConfigRequest) -> list[Setting]:
    first = TOK2VEC if request.encoder is None else ENCODER
    batch = (128, "documents at once when predicting; an encoder has its own limit in pieces")
    return [
        *section(
            "nlp",
            {
                "lang": (request.language, "decides how spaCy splits words"),
                "pipeline": ([first, "ner"], "nothing but what entities need"),
                "batch_size": batch,
                "disabled": ([], "every component is used"),
                "before_creation": (None, _NO_HOOK),
                "after_creation": (None, _NO_HOOK),
                "after_pipeline_creation": (None, _NO_HOOK),
            },
        ),
        *section("nlp.tokenizer", {"@tokenizers": ("spacy.Tokenizer.v1", _BASE)}),
        *section("nlp.vectors", {"@vectors": ("spacy.Vectors.v1", _BASE)}),
    ]


def _components(request: ConfigRequest, batches: Batches | None) -> list[Setting]:
    if request.encoder is None or batches is None:
        return tok2vec_sections()
    make = {
        Architecture.OSSAMMA: encoder_sections,
        Architecture.SPACY_TRANSFORMERS: spacy_transformers_sections,
    }[request.architecture]
    return make(request.encoder, batches, half=request.hardware.vram_gib is not None)


def _corpora(request: ConfigRequest) -> list[Setting]:
    length = (
        0,
        "no limit. With a limit spaCy drops longer documents without a word where sentences are "
        "not marked",
    )
    plain: dict[str, tuple[Value, str]] = {
        "@readers": ("spacy.Corpus.v1", "reads .spacy files, and folders of them"),
        "max_length": length,
        "gold_preproc": (False, "spaCy's own words, as they will be when it is used"),
        "limit": (0, "all documents"),
        "augmenter": (
            None,
            "augmented data are written by `ossamma data`, where they can be looked at",
        ),
    }
    train = _balanced(request.seed) if request.balance else plain
    return [
        setting
        for name, entries in (("train", train), ("dev", plain))
        for setting in section(
            f"corpora.{name}",
            {**entries, "path": (Reference(f"paths.{name}"), "see [paths]")},
        )
    ]


def _balanced(seed: int) -> dict[str, tuple[Value, str]]:
    return {
        "@readers": (
            "ossamma.BalancedCorpus.v1",
            "documents with rare types more often; spaCy's recogniser has no class weights",
        ),
        "threshold": (
            0.05,
            "types in fewer documents than 5 % are rare: factor sqrt(0.05 / share)",
        ),
        "seed": (seed, "decides what becomes of a fraction of a repetition"),
    }


def _training(request: ConfigRequest, length: Length, batches: Batches | None) -> list[Setting]:
    parts = (
        (1, "a CPU's main memory takes the whole batch")
        if batches is None
        else (batches.parts.value, batches.parts.reason)
    )
    del request
    return section(
        "training",
        {
            "dev_corpus": ("corpora.dev", "see there"),
            "train_corpus": ("corpora.train", "see there"),
            "seed": (Reference("system.seed"), "see [system]"),
            "gpu_allocator": (Reference("system.gpu_allocator"), "see [system]"),
            "dropout": (DROPOUT, "the plan's 0.1 to 0.2; 0.2 if dev F1 falls while the loss does"),
            "accumulate_gradient": parts,
            "patience": (length.patience.value, length.patience.reason),
            "max_epochs": (length.epochs.value, length.epochs.reason),
            "max_steps": (length.max_steps.value, length.max_steps.reason),
            "eval_frequency": (length.evaluate_every.value, length.evaluate_every.reason),
            "frozen_components": ([], "everything learns"),
            "annotating_components": ([], "no component reads another's entities"),
            "before_to_disk": (None, _NO_HOOK),
            "before_update": (None, _NO_HOOK),
        },
    )


def _optimizer(request: ConfigRequest, length: Length) -> list[Setting]:
    optimizer = section(
        "training.optimizer",
        {
            "@optimizers": ("Adam.v1", _BASE),
            "beta1": (0.9, _BASE),
            "beta2": (0.999, _BASE),
            "L2_is_weight_decay": (True, "AdamW's way"),
            "L2": (0.01, _BASE),
            "grad_clip": (1.0, "a single bad batch cannot throw the weights far"),
            "use_averages": (False, _BASE),
            "eps": (1e-8, _BASE),
        },
    )
    if request.encoder is None:
        rate = (0.001, "a network without pre-training learns at Adam's usual rate; " + _BASE)
        return [*optimizer, *section("training.optimizer", {"learn_rate": rate})]
    return [
        *optimizer,
        *section(
            "training.optimizer.learn_rate",
            {
                "@schedules": ("warmup_linear.v1", "up to the rate, then down to 0 in a line"),
                "warmup_steps": (length.warmup_steps.value, length.warmup_steps.reason),
                "total_steps": (length.schedule_steps.value, length.schedule_steps.reason),
                "initial_rate": learning_rate(request.encoder),
            },
        ),
    ]


def _batcher(batches: Batches | None) -> list[Setting]:
    if batches is None:
        return [
            *section(
                "training.batcher",
                {
                    "@batchers": ("spacy.batch_by_words.v1", _BASE),
                    "discard_oversize": (False, "a long document is a batch, not waste"),
                    "tolerance": (0.2, _BASE),
                    "get_length": (None, "words"),
                },
            ),
            *section(
                "training.batcher.size",
                {
                    "@schedules": ("compounding.v1", "small steps first, larger ones later"),
                    "start": (100, _BASE),
                    "stop": (1000, _BASE),
                    "compound": (1.001, _BASE),
                    "t": (0.0, "from the start"),
                },
            ),
        ]
    return section(
        "training.batcher",
        {
            "@batchers": ("spacy.batch_by_padded.v1", "memory goes by padded size"),
            "discard_oversize": (False, "true would drop long documents without a word"),
            "size": (batches.words.value, batches.words.reason),
            "buffer": (
                2 * EFFECTIVE_DOCUMENTS,
                "sorted by length among so many: less padding, still a random order",
            ),
            "get_length": (None, "words"),
        },
    )


def _judgement() -> list[Setting]:
    return [
        *section(
            "training.logger",
            {
                "@loggers": ("spacy.ConsoleLogger.v1", "`ossamma spacy train` reads its own"),
                "progress_bar": (False, "a bar is no use in a log file"),
            },
        ),
        *section(
            "training.score_weights",
            {
                "ents_f": (1.0, "the best model is that of the best F1 on dev"),
                "ents_p": (0.0, "shown, but not decisive"),
                "ents_r": (0.0, "shown, but not decisive"),
                "ents_per_type": (None, "a table; it cannot be weighted"),
            },
        ),
    ]


def _initialize() -> list[Setting]:
    return [
        *section(
            "initialize",
            {
                "vectors": (Reference("paths.vectors"), "see [paths]"),
                "init_tok2vec": (Reference("paths.init_tok2vec"), "see [paths]"),
                "vocab_data": (None, "the vocabulary grows with the texts"),
                "lookups": (None, "no tables are needed"),
                "before_init": (None, _NO_HOOK),
                "after_init": (None, _NO_HOOK),
            },
        ),
    ]
