"""What a file may measure."""

from __future__ import annotations

import pytest

from ossamma.data.readers.limits import ReadLimits
from ossamma.schema.errors import ConfigurationError


def test_limits_are_checked_at_birth():
    with pytest.raises(ConfigurationError, match="max_line_bytes must be >= 1, got 0"):
        ReadLimits(max_line_bytes=0)
