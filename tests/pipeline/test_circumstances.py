"""A run says on what it ran."""

from __future__ import annotations

import json

import torch
import transformers

from ossamma.pipeline.circumstances import machine, versions


def test_versions_are_those_that_run():
    found = versions()
    assert found["torch"] == torch.__version__
    assert found["transformers"] == transformers.__version__
    assert {"python", "ossamma", "tokenizers"} <= found.keys()
    assert json.loads(json.dumps(found)) == found


def test_the_machine_is_named():
    found = machine()
    assert found["threads"] == torch.get_num_threads()
    assert (found["cuda"] is None) == (not torch.cuda.is_available())
    assert json.loads(json.dumps(found)) == found
