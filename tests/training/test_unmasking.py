"""The sampler: what was known stays, what was hidden is drawn as the model says, step by step."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers.modeling_outputs import MaskedLMOutput

from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForMaskedDiffusion
from ossamma.schema.errors import ConfigurationError
from ossamma.training.unmasking import Sampler, SamplerSettings

VOCABULARY = 30
SPECIAL = [0, 1, 2, 3, 4]
PAD, CLS, SEP, MASK = 0, 2, 3, 4


class Told(nn.Module):
    """A model that says the same of every place, and notes what it was shown."""

    config = OssammaConfig()

    def __init__(self, logits_V):
        super().__init__()
        self.logits_V = logits_V
        self.seen = []
        self.times = []

    def forward(self, input_ids, attention_mask, word_features, time):
        self.seen.append(input_ids.clone())
        self.times.append(time)
        return MaskedLMOutput(logits=self.logits_V.expand(*input_ids.shape, -1))


def sampler(schedule="cosine", **chosen):
    return Sampler(
        settings=SamplerSettings(**chosen), schedule=schedule, mask_id=MASK, special_ids=SPECIAL
    )


def rows(*texts):
    """Rows of pieces; padded, with the mask of real pieces."""
    longest = max(len(text) for text in texts)
    ids_BT = torch.tensor([list(text) + [PAD] * (longest - len(text)) for text in texts])
    return ids_BT, ids_BT != PAD


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    config = OssammaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_oscillators=4,
        time_dimension=8,
        initializer_range=0.5,
    )
    return OssammaForMaskedDiffusion(config)


partly_hidden = st.lists(
    st.lists(st.sampled_from([MASK, 5, 9, 29]), min_size=1, max_size=9).map(
        lambda text: [CLS, *text, SEP]
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(texts=partly_hidden, num_steps=st.integers(1, 12), temperature=st.sampled_from([0.0, 1.0]))
def test_known_pieces_never_change_and_nothing_stays_hidden(encoder, texts, num_steps, temperature):
    ids_BT, mask_BT = rows(*texts)
    before = ids_BT.clone()
    filled_BT = sampler(num_steps=num_steps, temperature=temperature).fill(encoder, ids_BT, mask_BT)
    was_hidden_BT = before == MASK
    assert torch.equal(ids_BT, before)
    assert torch.equal(filled_BT[~was_hidden_BT], before[~was_hidden_BT])
    assert not torch.isin(filled_BT[was_hidden_BT], torch.tensor(SPECIAL)).any()


@given(
    hidden=st.lists(st.integers(0, 40), max_size=4),
    num_steps=st.integers(1, 50),
    schedule=st.sampled_from(["cosine", "linear"]),
)
def test_each_step_reveals_something_and_the_last_the_rest(hidden, num_steps, schedule):
    plan = sampler(schedule, num_steps=num_steps).plan(hidden)
    assert len(plan) == min(num_steps, max(hidden, default=0))
    for before, after in zip([hidden, *plan], plan, strict=False):
        assert all(
            0 <= new < old or new == old == 0 for old, new in zip(before, after, strict=True)
        )
    assert not plan or plan[-1] == [0] * len(hidden)


@pytest.mark.parametrize("num_steps", [1, 3, 8, 100])
def test_the_model_is_asked_once_a_step_and_sees_the_plan(num_steps):
    model = Told(torch.zeros(VOCABULARY))
    ids_BT, mask_BT = rows([CLS, *[MASK] * 8, SEP], [CLS, MASK, 7, 8, SEP])
    chosen = sampler("linear", num_steps=num_steps)
    chosen.fill(model, ids_BT, mask_BT)
    assert len(model.seen) == min(num_steps, 8)
    hidden = [(seen == MASK).sum(1).tolist() for seen in model.seen]
    assert hidden == [[8, 1], *chosen.plan([8, 1])[:-1]]
    for time_B, (first, second) in zip(model.times, hidden, strict=True):
        torch.testing.assert_close(time_B, torch.tensor([first / 8, second / 3]))


def test_the_seed_decides_and_a_row_does_not_depend_on_its_neighbours(encoder):
    ids_BT, mask_BT = rows([CLS, *[MASK] * 7, SEP], [CLS, 6, MASK, MASK, 8, SEP])
    torch.manual_seed(5)
    first = sampler().fill(encoder, ids_BT, mask_BT)
    untouched = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(untouched, torch.rand(3))
    assert torch.equal(first, sampler().fill(encoder, ids_BT, mask_BT))
    assert not torch.equal(first, sampler(seed=2).fill(encoder, ids_BT, mask_BT))
    alone = sampler().fill(encoder, ids_BT[:1], mask_BT[:1])
    assert torch.equal(alone, first[:1])


def test_at_temperature_0_the_seed_is_of_no_account(encoder):
    ids_BT, mask_BT = rows([CLS, *[MASK] * 7, SEP])
    results = [
        sampler(temperature=0.0, seed=seed).fill(encoder, ids_BT, mask_BT) for seed in (1, 2)
    ]
    assert torch.equal(*results)
    # In one step: the most probable piece everywhere.
    one_step = sampler(temperature=0.0, num_steps=1).fill(encoder, ids_BT, mask_BT)
    encoder.eval()
    with torch.no_grad():
        logits_BTV = encoder(ids_BT, mask_BT, time=torch.ones(1)).logits
    encoder.train()
    logits_BTV[..., SPECIAL] = -torch.inf
    assert torch.equal(one_step[0, 1:-1], logits_BTV.argmax(-1)[0, 1:-1])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_pieces_are_drawn_as_often_as_the_model_says(temperature):
    logits_V = torch.full((VOCABULARY,), -torch.inf)
    logits_V[5:9] = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    logits_V[MASK] = 9.0  # what is never drawn takes nothing from the others
    number = 4000
    ids_BT, mask_BT = rows([MASK] * number)
    drawn = sampler(num_steps=1, temperature=temperature).fill(Told(logits_V), ids_BT, mask_BT)[0]
    shares = drawn.bincount(minlength=VOCABULARY)[5:9] / number
    expected = (logits_V[5:9] / temperature).softmax(0)
    # Four standard deviations.
    assert ((shares - expected).abs() <= 4 * (expected * (1 - expected) / number).sqrt()).all()
    assert int(drawn.max()) < 9


def test_the_most_confident_places_come_first():
    logits_TV = torch.zeros(5, VOCABULARY)
    sure = torch.tensor([1.0, 5.0, 3.0, 2.0, 4.0])
    logits_TV[torch.arange(5), 10 + torch.arange(5)] = sure
    model = Told(logits_TV)
    ids_BT, mask_BT = rows([MASK] * 5)
    filled = sampler("linear", num_steps=5, temperature=0.0).fill(model, ids_BT, mask_BT)
    assert filled.tolist() == [[10, 11, 12, 13, 14]]
    order = [int(torch.nonzero(a[0] != b[0])) for a, b in pairwise(model.seen)]
    assert order == [1, 4, 2, 3]


@pytest.mark.parametrize("wrong", [{"num_steps": 0}, {"temperature": -1.0}], ids=str)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        SamplerSettings(**wrong)
