"""Pre-training: it learns, it resumes to the bit, halves add up, and broken steps are skipped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForMaskedDiffusion
from ossamma.schema.errors import TrainingError
from ossamma.schema.spans import Document
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.token_store import TextRow, TokenStore, iter_rows, write_tokens
from ossamma.tokenization.tokenizer import PieceTokenizer, TokenizerSettings, train_tokenizer
from ossamma.training.diffusion_trainer import PretrainTask, WeightedStore
from ossamma.training.noise import NoiseSettings
from ossamma.training.pretrain import PretrainResult, pretrain
from ossamma.training.pretrain_settings import PretrainSettings

FEATURES = WordFeatures([FeatureSpec("suffix3", 50), FeatureSpec("shape", 20)])
SETTINGS = PretrainSettings(
    max_steps=12,
    batch_pieces=256,
    gradient_accumulation_steps=2,
    learning_rate=5e-3,
    warmup_steps=2,
    schedule="wsd",
    precision="fp32",
    evaluate_every=6,
    checkpoint_every=4,
    held_out_rows=8,
    num_threads=1,
    noise=NoiseSettings(time_sampling="bell"),
)


@pytest.fixture(autouse=True)
def one_thread():  # type: ignore[no-untyped-def]
    """Bitwise repetition needs the same number of threads; one is fastest here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def texts(number: int, first: int = 0) -> list[Document]:
    """Counting songs: what comes next follows from what stands around it."""
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    return [
        Document(id=str(n), text=" ".join(names[(n + k) % 8] for k in range(5 + n % 20)))
        for n in range(first, first + number)
    ]


@pytest.fixture(scope="module")
def tokenizer() -> PieceTokenizer:
    return train_tokenizer((d.text for d in texts(50)), TokenizerSettings(vocab_size=290))


@pytest.fixture(scope="module")
def stores(tokenizer: PieceTokenizer, tmp_path_factory: pytest.TempPathFactory) -> list[TokenStore]:
    folder = tmp_path_factory.mktemp("stores")
    for name, documents in (("a", texts(150)), ("b", texts(60, 300)), ("held", texts(20, 900))):
        write_tokens(documents, folder / name, tokenizer, FEATURES, max_pieces=50)
    return [TokenStore(folder / name) for name in ("a", "b", "held")]


def model(tokenizer: PieceTokenizer) -> OssammaForMaskedDiffusion:
    torch.manual_seed(0)
    config = OssammaConfig(
        vocab_size=tokenizer.vocab_size,
        pad_token_id=tokenizer.pad_id,
        mask_token_id=tokenizer.mask_id,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_oscillators=8,
        time_dimension=8,
        word_feature_width=8,
        word_features=[(spec.name, spec.rows) for spec in FEATURES.specs],
        dropout=0.1,
    )
    return OssammaForMaskedDiffusion(config)


def held_out(stores: list[TokenStore], tokenizer: PieceTokenizer) -> list[TextRow]:
    return list(iter_rows(stores[2], tokenizer))[: SETTINGS.held_out_rows]


def task(tokenizer: PieceTokenizer, stores: list[TokenStore], net: nn.Module) -> PretrainTask:
    corpora = [WeightedStore(stores[0]), WeightedStore(stores[1], 0.5)]
    rows = held_out(stores, tokenizer)
    return PretrainTask(model=net, corpora=corpora, held_out=rows, tokenizer=tokenizer)


def run(
    tokenizer: PieceTokenizer, stores: list[TokenStore], folder: Path, **changes: object
) -> tuple[dict[str, torch.Tensor], PretrainResult]:
    resume = bool(changes.pop("resume", False))
    net = model(tokenizer)
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    result = pretrain(task(tokenizer, stores, net), settings, folder, resume=resume)
    return {name: p.detach().clone() for name, p in net.state_dict().items()}, result


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_learns_what_stands_between(
    tokenizer: PieceTokenizer, stores: list[TokenStore], tmp_path: Path, optimizer: str
) -> None:
    _, result = run(
        tokenizer,
        stores,
        tmp_path,
        optimizer=optimizer,
        max_steps=200,
        muon_learning_rate=2e-2,
        evaluate_every=60,
        checkpoint_every=1000,
    )
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    bounds = [line["eval_bound"] for line in lines if "eval_bound" in line]
    # Better than any model that does not look around: the entropy of single pieces.
    pieces = torch.cat(
        [torch.from_numpy(row.input_ids[1:-1]) for row in held_out(stores, tokenizer)]
    )
    shares = pieces.bincount().double() / len(pieces)
    entropy = float(-(shares[shares > 0] * shares[shares > 0].log()).sum())
    assert result.scores.bound < 0.7 * entropy
    assert bounds[-1] < bounds[0]
    assert result.scores.accuracy > 1.5 * float(shares.max())
    assert result.scores.perplexity == pytest.approx(2.718281828**result.scores.bound)
    assert all(line["pieces_per_second"] > 0 for line in lines if "loss" in line)


class Killed(BaseException):
    """What stands for SIGKILL inside a test."""


@pytest.mark.parametrize("when", [1, 4, 7, 11])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_killed_run_ends_with_the_same_bits(
    tokenizer: PieceTokenizer,
    stores: list[TokenStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: int,
    optimizer: str,
) -> None:
    whole, _ = run(tokenizer, stores, tmp_path / "whole", optimizer=optimizer)
    forward = OssammaForMaskedDiffusion.forward
    calls = 0

    def dying(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += self.training
        if calls > when * SETTINGS.gradient_accumulation_steps:
            raise Killed
        return forward(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(OssammaForMaskedDiffusion, "forward", dying)
        with pytest.raises(Killed):
            run(tokenizer, stores, tmp_path / "part", optimizer=optimizer)
    resumed, result = run(tokenizer, stores, tmp_path / "part", optimizer=optimizer, resume=True)
    assert same(whole, resumed)
    assert result.steps == SETTINGS.max_steps
    steps = [
        json.loads(line)["step"]
        for line in (tmp_path / "part" / "metrics.jsonl").read_text().splitlines()
    ]
    assert steps == sorted(steps)


def test_a_finished_run_gives_its_weights_again(
    tokenizer: PieceTokenizer, stores: list[TokenStore], tmp_path: Path
) -> None:
    whole, before = run(tokenizer, stores, tmp_path)
    again, after = run(tokenizer, stores, tmp_path, resume=True)
    assert same(whole, again)
    assert before.scores == after.scores


def test_a_batch_that_does_not_fit_is_taken_in_halves_with_the_same_gradient(
    tokenizer: PieceTokenizer,
    stores: list[TokenStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Dropout draws other numbers for halves, so it is off here.
    def undropped(net: OssammaForMaskedDiffusion) -> OssammaForMaskedDiffusion:
        for module in net.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        return net

    settings = replace(SETTINGS, max_steps=3)
    whole = undropped(model(tokenizer))
    pretrain(task(tokenizer, stores, whole), settings, tmp_path / "whole")
    forward = OssammaForMaskedDiffusion.forward

    def small(self, input_ids, **kwargs):  # type: ignore[no-untyped-def]
        if self.training and len(input_ids) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, input_ids, **kwargs)

    monkeypatch.setattr(OssammaForMaskedDiffusion, "forward", small)
    halves = undropped(model(tokenizer))
    pretrain(task(tokenizer, stores, halves), settings, tmp_path / "halves")
    for one, other in zip(whole.parameters(), halves.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=2e-4, atol=2e-5)


def test_a_broken_gradient_skips_its_step_and_too_many_end_the_run(
    tokenizer: PieceTokenizer, stores: list[TokenStore], tmp_path: Path
) -> None:
    net = model(tokenizer)
    broken = {"steps": {2}}
    seen = {"step": 0}

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        # Called once for each backward pass: two make a step.
        seen["step"] += 1
        number = (seen["step"] + 1) // 2
        return gradient * float("nan") if number in broken["steps"] else gradient

    next(net.parameters()).register_hook(spoil)
    settings = replace(SETTINGS, max_steps=4)
    pretrain(task(tokenizer, stores, net), settings, tmp_path / "a")
    assert all(torch.isfinite(p).all() for p in net.parameters())
    broken["steps"] = set(range(100))
    with pytest.raises(TrainingError, match="not a number in 3 steps"):
        pretrain(
            task(tokenizer, stores, net), replace(settings, most_skipped_steps=2), tmp_path / "b"
        )


def test_a_time_budget_ends_the_run_with_a_checkpoint(
    tokenizer: PieceTokenizer, stores: list[TokenStore], tmp_path: Path
) -> None:
    _, result = run(
        tokenizer, stores, tmp_path, max_steps=100_000, max_seconds=1.0, checkpoint_every=10**6
    )
    assert 0 < result.steps < 100_000
    _, again = run(tokenizer, stores, tmp_path, max_steps=100_000, max_seconds=1.0, resume=True)
    assert again.steps == result.steps
