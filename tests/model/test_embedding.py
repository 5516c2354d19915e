"""What the first hidden states are made of: pieces, hashed features, and dropout of both."""

from __future__ import annotations

import pytest
import torch

from ossamma.model.configuration import OssammaConfig
from ossamma.model.embedding import HashedFeatures, NoWordFeatures, PieceEmbedding
from ossamma.schema.errors import ConfigurationError

SPECS = [("lower", 7), ("shape", 5), ("suffix2", 3)]


def config(**settings):
    sizes = {"vocab_size": 20, "hidden_size": 16, "num_attention_heads": 2, "num_oscillators": 4}
    return OssammaConfig(**{"word_feature_width": 6, "dropout": 0.0, **sizes, **settings})


def feature_rows(generator, *shape):
    """Rows in [1, rows) of each table, as inside words."""
    columns = [torch.randint(1, rows, shape, generator=generator) for _, rows in SPECS]
    return torch.stack(columns, dim=-1)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def hashed(generator):
    torch.manual_seed(5)
    return HashedFeatures(config(word_features=SPECS))


def test_features_equal_one_table_each_side_by_side(hashed, generator):
    rows_BTF = feature_rows(generator, 2, 4)
    tables = hashed.table.weight.split([rows for _, rows in SPECS])
    for b in range(2):
        for t in range(4):
            row = torch.cat([table[i] for table, i in zip(tables, rows_BTF[b, t], strict=True)])
            candidates_3D = hashed.mix(row).reshape(3, 16)
            assert torch.allclose(hashed(rows_BTF)[b, t], candidates_3D.max(0).values, atol=1e-6)


def test_positions_outside_words_get_nothing(hashed, generator):
    rows_BTF = feature_rows(generator, 2, 4)
    rows_BTF[0, 1] = 0
    rows_BTF[1, 3] = 0
    features_BTD = hashed(rows_BTF)
    assert (features_BTD[0, 1] == 0).all()
    assert (features_BTD[1, 3] == 0).all()
    assert (features_BTD[0, 0] != 0).any()


def test_what_is_left_out_in_training_is_left_out_as_a_whole(hashed, generator):
    """Each feature at each piece is either there, in full size, or not: no scaling."""
    hashed.feature_dropout = 0.5
    rows_BTF = feature_rows(generator, 1, 1).expand(1, 400, -1)
    torch.manual_seed(7)
    dropped = hashed.train()(rows_BTF)[0]
    hashed.feature_dropout = 0.0
    possible = []
    for bits in range(2 ** len(SPECS)):
        kept = torch.tensor([(bits >> i) & 1 for i in range(len(SPECS))])
        embedded_FE = hashed.table(rows_BTF[0, 0] + hashed.offsets) * kept[:, None]
        mixed = hashed.mix(embedded_FE.flatten()).reshape(3, 16).amax(0)
        possible.append(mixed * (bits > 0))
    distance = (dropped[:, None] - torch.stack(possible)).abs().amax(-1)
    nearest = distance.min(1)
    assert nearest.values.max() < 1e-5
    assert set(nearest.indices.tolist()) == set(range(2 ** len(SPECS)))


def test_nothing_is_left_out_when_not_training(generator):
    torch.manual_seed(5)
    settings = {"word_features": SPECS, "piece_dropout": 0.9, "feature_dropout": 0.9}
    embedding = PieceEmbedding(config(**settings)).eval()
    ids_BT = torch.randint(5, 20, (2, 4), generator=generator)
    rows_BTF = feature_rows(generator, 2, 4)
    first = embedding(ids_BT, rows_BTF)
    assert torch.equal(first, embedding(ids_BT, rows_BTF))
    plain = embedding.tokens(ids_BT) + embedding.features(rows_BTF)
    assert torch.equal(first, embedding.norm(plain))


def test_a_dropped_piece_is_read_as_the_mask(generator):
    embedding = PieceEmbedding(config(piece_dropout=0.4, mask_token_id=4)).train()
    ids_BT = torch.randint(5, 20, (50, 40), generator=generator)
    torch.manual_seed(7)
    x_BTD = embedding(ids_BT, None)
    as_it_is = (x_BTD - embedding.norm(embedding.tokens(ids_BT))).abs().amax(-1) < 1e-5
    as_mask = (x_BTD - embedding.norm(embedding.tokens.weight[4])).abs().amax(-1) < 1e-5
    assert (as_it_is | as_mask).all()
    assert as_mask.float().mean().item() == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("given", [None, (2, 4, 2), (2, 4, 1), (2, 4, 0)])
def test_features_that_are_not_those_of_the_model_are_refused(hashed, given):
    rows_BTF = None if given is None else torch.ones(given, dtype=torch.int64)
    with pytest.raises(ConfigurationError, match=r"reads 3 word features.*\(B, T, 3\), got "):
        hashed(rows_BTF)


@pytest.mark.parametrize("rows", [None, torch.zeros(2, 4, 0, dtype=torch.int64)])
def test_a_model_of_pieces_alone_takes_batches_without_features(rows):
    embedding = PieceEmbedding(config()).eval()
    assert isinstance(embedding.features, NoWordFeatures)
    ids_BT = torch.full((2, 4), 6)
    assert torch.equal(embedding(ids_BT, rows), embedding.norm(embedding.tokens(ids_BT)))
