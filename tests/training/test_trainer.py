"""The loop feeds batches in our order, judges the averaged weights, and stops at nonsense."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn
from transformers import TrainerCallback, TrainingArguments

from ossamma.schema.errors import TrainingError
from ossamma.training.averaging import WeightAverage
from ossamma.training.examples import ExampleBuilder
from ossamma.training.settings import FinetuneSettings
from ossamma.training.trainer import TaggingTrainer, Task
from tests import tiny


def settings(**changes):
    return FinetuneSettings(
        **{"epochs": 1, "batch_size": 4, "gradient_accumulation_steps": 1, **changes}
    )


def perfect(_model):
    return {"f1": 1.0, "precision": 1.0, "recall": 1.0}


def trainer(tmp_path, chosen, *, evaluate=perfect, average_decay=0.0):
    pieces = tiny.tokenizer()
    model = tiny.model(pieces)
    builder = ExampleBuilder(pieces, tiny.word_features(), tiny.LABELS, window_pieces=60)
    examples, _ = builder.build(tiny.documents(10, seed=1))
    average = WeightAverage(model, average_decay) if average_decay else None
    task = Task(
        model=model,
        examples=examples,
        pad_id=pieces.pad_id,
        evaluate=evaluate,
        save_best=lambda *_: None,
    )
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=chosen.epochs,
        per_device_train_batch_size=chosen.batch_size,
        gradient_accumulation_steps=chosen.gradient_accumulation_steps,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=True,
    )
    return TaggingTrainer(task, arguments, chosen, average)


def test_an_epoch_holds_every_example_once(tmp_path):
    made = trainer(tmp_path, settings())
    loader = made.get_train_dataloader()
    rows = [row[row != made.task.pad_id].tolist() for b in loader for row in b["input_ids"]]
    expected = [example.window.input_ids.tolist() for example in made.task.examples]
    assert sorted(rows) == sorted(expected)
    assert len(loader) == -(-len(expected) // 4)


def test_the_crf_learns_at_its_own_rate(tmp_path):
    made = trainer(tmp_path, settings(learning_rate=1e-3, crf_learning_rate=0.5))
    groups = {group["name"]: group["lr"] for group in made.create_optimizer().param_groups}
    assert groups == {"decayed": 1e-3, "free": 1e-3, "crf": 0.5}


def test_training_moves_every_part(tmp_path):
    made = trainer(tmp_path, settings(learning_rate=0.01, epochs=2))
    before = {name: p.clone() for name, p in made.task.model.named_parameters()}
    made.train()
    still = {n for n, p in made.task.model.named_parameters() if torch.equal(before[n], p)}
    assert still == set()


class FirstGradients(TrainerCallback):
    """Keeps the gradients with which the first step is taken."""

    def __init__(self):
        self.gradients = None

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        if self.gradients is None:
            named = kwargs["model"].named_parameters()
            self.gradients = {name: p.grad.clone() for name, p in named}


def test_accumulated_gradients_are_the_mean_of_their_batches(tmp_path):
    """The Trainer would sum them for a model that takes any keyword."""
    made = trainer(tmp_path, settings(gradient_accumulation_steps=2, batch_size=3))
    made.args.max_grad_norm = 1e9
    for module in made.task.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    reference = copy.deepcopy(made.task.model).train()
    loader = made.get_train_dataloader()
    loader.set_epoch(0)
    for batch in itertools.islice(loader, 2):
        (reference(**batch).loss / 2).backward()
    kept = FirstGradients()
    made.add_callback(kept)
    made.train()
    for name, parameter in reference.named_parameters():
        torch.testing.assert_close(kept.gradients[name], parameter.grad, atol=1e-6, rtol=1e-4)


def test_the_average_is_judged_and_the_weights_go_on(tmp_path):
    seen = []

    def evaluate(model):
        assert not model.training
        seen.append({name: p.clone() for name, p in model.named_parameters()})
        return perfect(model)

    made = trainer(
        tmp_path, settings(learning_rate=0.05, epochs=2), evaluate=evaluate, average_decay=0.9
    )
    made.train()
    model, average = made.task.model, made.average
    assert model.training
    assert len(seen) == 2
    assert average.num_updates == made.state.global_step
    for name, value in average.state().items():
        assert torch.equal(seen[-1][name], value)
        assert not torch.equal(value, model.state_dict()[name]), name


def test_a_loss_that_is_no_number_stops_at_once(tmp_path):
    made = trainer(tmp_path, settings(learning_rate=1e30, warmup_ratio=0.0, epochs=5))
    with pytest.raises(TrainingError, match=r"(loss became|no longer numbers) .*learning_rate"):
        made.train()


def test_broken_weights_are_never_judged(tmp_path):
    judged = []
    made = trainer(tmp_path, settings(), evaluate=judged.append)
    with torch.no_grad():
        made.task.model.crf.end[1] = torch.nan
    with pytest.raises(TrainingError, match=r"the weights crf.end are no longer numbers"):
        made.evaluate()
    assert judged == []


def test_scores_are_named_for_the_log(tmp_path):
    made = trainer(
        tmp_path, settings(), evaluate=lambda _: {"f1": 0.5, "recall": 1, "precision": 0}
    )
    assert made.evaluate() == {"eval_f1": 0.5, "eval_recall": 1.0, "eval_precision": 0.0}
