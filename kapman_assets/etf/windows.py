"""Windows over the last axis of an array."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def windows(values: Floats, length: int) -> Floats:
    """All windows of a length along the last axis, oldest first; there must be as many values.

    They are copied to lie one after the other, so that the sum over one has the same bits in a long history as alone.
    """
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(values, length, axis=-1))
