"""The components of a generated configuration: an encoder or spaCy's own tok2vec, and the NER."""

from __future__ import annotations

from typing import Final

from ossamma.spacy_path.encoder_facts import EncoderFacts
from ossamma.spacy_path.setting import Reference, Setting, section
from ossamma.spacy_path.training_plan import Batches

ENCODER: Final = "transformer"
TOK2VEC: Final = "tok2vec"
DROPOUT: Final = 0.1
_BASE: Final = "as in spaCy's own base"


def encoder_sections(encoder: EncoderFacts, batches: Batches, *, half: bool) -> list[Setting]:
    """Return the encoder under our own architecture, which goes with transformers 5."""
    model = f"components.{ENCODER}.model"
    mixed = (
        "half precision where it is safe: half the memory of activations, and faster"
        if half
        else "a CPU gains nothing from it"
    )
    return [
        *section(
            f"components.{ENCODER}",
            {"factory": ("tok2vec", "the component that shares its vectors with those after it")},
        ),
        *section(
            model,
            {
                "@architectures": (
                    "ossamma.HuggingFaceEncoder.v1",
                    "spacy-transformers needs transformers below 4.53; this one is in ossamma",
                ),
                "name": (
                    encoder.name,
                    f"{encoder.family}, {encoder.parameters:,} parameters; "
                    "read when training begins, never afterwards",
                ),
                "width": (encoder.width, "hidden_size in its config.json"),
                "window": (batches.window.value, batches.window.reason),
                "margin": (batches.margin.value, batches.margin.reason),
                "pass_pieces": (batches.pass_pieces.value, batches.pass_pieces.reason),
                "dropout": (DROPOUT, "inside the encoder; the plan's 0.1 to 0.2"),
                "mixed_precision": (half, mixed),
            },
        ),
        *_ner(Reference(f"{model}.width"), hidden_width=64, use_upper=False),
    ]


def spacy_transformers_sections(
    encoder: EncoderFacts, batches: Batches, *, half: bool
) -> list[Setting]:
    """Return the encoder under spacy-transformers, for an environment that has it."""
    model = f"components.{ENCODER}.model"
    stride = batches.window.value - 2 * batches.margin.value
    return [
        *section(
            f"components.{ENCODER}",
            {
                "factory": ("transformer", "of spacy-transformers"),
                "max_batch_items": (4096, "pieces per pass when predicting; its own default"),
            },
        ),
        *section(
            f"components.{ENCODER}.set_extra_annotations",
            {
                "@annotation_setters": (
                    "spacy-transformers.null_annotation_setter.v1",
                    "its default",
                )
            },
        ),
        *section(
            model,
            {
                "@architectures": ("spacy-transformers.TransformerModel.v3", "its newest"),
                "name": (encoder.name, f"{encoder.family}, {encoder.parameters:,} parameters"),
                "mixed_precision": (half, "half precision where it is safe, on a GPU"),
            },
        ),
        *section(
            f"{model}.get_spans",
            {
                "@span_getters": ("spacy-transformers.strided_spans.v1", "strided windows"),
                "window": (batches.window.value, "in tokens; the original's 64 cut entities"),
                "stride": (stride, "less than the window, so that tokens see both sides"),
            },
        ),
        *section(
            f"{model}.grad_scaler_config",
            {"init_scale": (32768.0, "for mixed precision: small enough not to overflow at first")},
        ),
        *section(
            f"{model}.tokenizer_config", {"use_fast": (True, "offsets need the fast tokenizer")}
        ),
        *section(f"{model}.transformer_config", {"output_attentions": (False, "never read")}),
        *_ner(None, hidden_width=64, use_upper=False),
    ]


def tok2vec_sections() -> list[Setting]:
    """Return spaCy's convolutions over hashed words: small, and fast on a CPU."""
    width = Reference(f"components.{TOK2VEC}.model.encode.width")
    return [
        *section(
            f"components.{TOK2VEC}",
            {"factory": ("tok2vec", "shares its vectors with the components after it")},
        ),
        *section(f"components.{TOK2VEC}.model", {"@architectures": ("spacy.Tok2Vec.v2", _BASE)}),
        *section(
            f"components.{TOK2VEC}.model.embed",
            {
                "@architectures": ("spacy.MultiHashEmbed.v2", _BASE),
                "width": (width, "one width throughout"),
                "attrs": (["NORM", "PREFIX", "SUFFIX", "SHAPE"], _BASE),
                "rows": (
                    [10000, 2500, 2500, 2500],
                    "twice the base's rows for words: names of products and actors are many, and "
                    "a row that two names share confuses them",
                ),
                "include_static_vectors": (False, "nothing pre-trained is needed"),
            },
        ),
        *section(
            f"components.{TOK2VEC}.model.encode",
            {
                "@architectures": ("spacy.MaxoutWindowEncoder.v2", _BASE),
                "width": (96, _BASE),
                "depth": (4, "sees four words on either side; " + _BASE),
                "window_size": (1, _BASE),
                "maxout_pieces": (3, _BASE),
            },
        ),
        *_ner(width, hidden_width=64, use_upper=True),
    ]


def _ner(width: Reference | None, *, hidden_width: int, use_upper: bool) -> list[Setting]:
    tok2vec = "components.ner.model.tok2vec"
    listener = (
        section(
            tok2vec,
            {
                "@architectures": ("spacy.Tok2VecListener.v1", "reads the shared vectors"),
                "width": (width, "of the shared vectors"),
                "upstream": ("*", "there is only one to listen to"),
            },
        )
        if width is not None
        else [
            *section(
                tok2vec,
                {
                    "@architectures": (
                        "spacy-transformers.TransformerListener.v1",
                        "reads the shared vectors",
                    ),
                    "grad_factor": (1.0, "the encoder learns at the full rate"),
                    "upstream": ("*", "there is only one to listen to"),
                },
            ),
            *section(
                f"{tok2vec}.pooling",
                {"@layers": ("reduce_mean.v1", "the mean of a token's pieces")},
            ),
        ]
    )
    upper = (
        "a hidden layer above the small vectors; " + _BASE
        if use_upper
        else "none: the encoder is deep enough, as in spaCy's transformer pipelines"
    )
    return [
        *section(
            "components.ner",
            {
                "factory": ("ner", "spaCy's transition-based entity recogniser"),
                "moves": (None, _BASE),
                "update_with_oracle_cut_size": (100, _BASE),
                "incorrect_spans_key": (None, "no spans are known to be wrong"),
            },
        ),
        *section("components.ner.scorer", {"@scorers": ("spacy.ner_scorer.v1", "span and type")}),
        *section(
            "components.ner.model",
            {
                "@architectures": ("spacy.TransitionBasedParser.v2", _BASE),
                "state_type": ("ner", "entities, not trees"),
                "extra_state_tokens": (False, _BASE),
                "hidden_width": (hidden_width, _BASE),
                "maxout_pieces": (2, _BASE),
                "use_upper": (use_upper, upper),
                "nO": (None, "as many outputs as the labels of the training data need"),
            },
        ),
        *listener,
    ]
