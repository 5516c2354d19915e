"""The spaCy architecture `ossamma.HuggingFaceEncoder.v1`: any encoder of transformers as tok2vec.

It needs neither spacy-transformers nor spacy-curated-transformers, which do not go with this
version of transformers. What is saved holds the encoder's configuration, tokenizer and weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import (
    ArgsKwargs,
    CupyOps,
    Model,
    PyTorchGradScaler,
    PyTorchWrapper_v3,
    get_current_ops,
)
from thinc.types import Floats2d
from thinc.util import get_torch_default_device

from ossamma.model.hugging_face import longest_input
from ossamma.schema.errors import ConfigurationError
from ossamma.spacy_path.encoder_layout import lay_out
from ossamma.spacy_path.encoder_module import TokenEncoder, from_bytes, load_pretrained, to_bytes
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD

_Backprop = Callable[[list[Floats2d]], list[Doc]]


@registry.architectures("ossamma.HuggingFaceEncoder.v1")  # type: ignore[untyped-decorator]
def hugging_face_encoder(  # noqa: PLR0913  spaCy hands over every setting by its name
    name: str,
    width: int,
    window: int = 128,
    margin: int = 16,
    pass_pieces: int = 4096,
    dropout: float | None = None,
    mixed_precision: bool = False,  # noqa: FBT001, FBT002  spaCy hands it over
) -> Model[list[Doc], list[Floats2d]]:
    """Make the model; it is empty until it is initialised or read back.

    Args:
        name: a folder, or a name on a hub; read when training begins, never afterwards.
        width: of the encoder's vectors, its hidden_size.
        window: most pieces that the encoder sees at once, special ones at the ends not counted.
        margin: pieces of context on either side of what a window owns.
        pass_pieces: most pieces, padding included, in one pass; more are read in several.
        dropout: inside the encoder, in its own training mode; None leaves what its authors set.
        mixed_precision: half precision on a GPU; nothing changes on a CPU.
    """
    if not 0 <= 2 * margin + MAX_PIECES_PER_WORD <= window:
        raise ConfigurationError(
            f"window must be at least two margins and {MAX_PIECES_PER_WORD}, got window {window} "
            f"and margin {margin}"
        )
    if pass_pieces < window + 2:
        raise ConfigurationError(
            f"pass_pieces must be at least window + 2, got {pass_pieces} and {window}"
        )
    is_mixed = mixed_precision and isinstance(get_current_ops(), CupyOps)
    wrapped: Model[Any, Any] = PyTorchWrapper_v3(
        TokenEncoder(pass_pieces=pass_pieces),
        convert_inputs=_as_they_are,
        mixed_precision=is_mixed,
        grad_scaler=PyTorchGradScaler(enabled=is_mixed),
        serialize_model=to_bytes,
        deserialize_model=from_bytes,
    )
    return Model(
        "hugging_face_encoder",
        _forward,
        init=partial(_initialise, name=name, dropout=dropout),
        layers=[wrapped],
        dims={"nO": width},
        attrs={"window": window, "margin": margin},
    )


def _initialise(
    model: Model[list[Doc], list[Floats2d]],
    X: list[Doc] | None = None,
    Y: list[Floats2d] | None = None,
    *,
    name: str,
    dropout: float | None,
) -> None:
    del X, Y
    module = _module_of(model)
    if module.encoder is None:
        load_pretrained(module, name, dropout=dropout)
    _check(module, name, model.get_dim("nO"), model.attrs["window"])
    module.to(get_torch_default_device())


def _check(module: TokenEncoder, name: str, width: int, window: int) -> None:
    assert module.encoder is not None, "it was loaded"
    assert module.tokenizer is not None, "it was loaded"
    if module.width != width:
        raise ConfigurationError(
            f"the encoder {name!r} has vectors of width {module.width}, the configuration says "
            f"{width}; write width = {module.width}, in the listeners too"
        )
    longest = longest_input(module.encoder.config, module.tokenizer.model_max_length)
    if window + 2 > longest:
        raise ConfigurationError(
            f"the encoder {name!r} reads {longest} pieces, the configuration wants windows of "
            f"{window} and 2 around them; write window = {longest - 2} or less"
        )


def _module_of(model: Model[Any, Any]) -> TokenEncoder:
    module: Any = model.layers[0].shims[0]._model  # thinc has no public name for it
    assert isinstance(module, TokenEncoder)
    return module


def _as_they_are(model: Model[Any, Any], layout: Any, is_train: bool) -> Any:  # noqa: ANN401, FBT001
    """Hand the layout to the module; no gradient goes back into it."""
    del model, is_train
    return ArgsKwargs(args=(layout,), kwargs={}), lambda _: []


def _forward(
    model: Model[list[Doc], list[Floats2d]],
    docs: list[Doc],
    is_train: bool,  # noqa: FBT001  thinc hands it over
) -> tuple[list[Floats2d], _Backprop]:
    tokenizer = _module_of(model).tokenizer
    assert tokenizer is not None, "it was initialised"
    layout = lay_out(docs, tokenizer, window=model.attrs["window"], margin=model.attrs["margin"])
    if not layout.windows:
        width = model.get_dim("nO")
        return [model.ops.alloc2f(length, width) for length in layout.lengths], lambda _: []
    vectors_ND, go_back = model.layers[0](layout, is_train)

    def backprop(gradients: list[Floats2d]) -> list[Doc]:
        go_back(model.ops.flatten(gradients))
        return []

    return model.ops.unflatten(vectors_ND, model.ops.asarray1i(layout.lengths)), backprop
