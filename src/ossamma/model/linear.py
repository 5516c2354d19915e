"""Linear maps whose weights start elsewhere than the configured default."""

from __future__ import annotations

from torch import nn


class StartedLinear(nn.Linear):
    """A linear map whose weights start normal with standard deviation `start_std`; 0 means at zero.

    A type of its own, because Transformers initialises tensors through the module that owns them:
    a parent without tensors is never asked.
    """

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = True, start_std: float
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.start_std = start_std
