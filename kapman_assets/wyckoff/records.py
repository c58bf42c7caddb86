"""Record types of the state machine: what it reads a bar, what it remembers, what it writes. No rule.

`BAR`, `STATE` and `SIDE` are the kernel's own; `EVENT` and `ROW` are its result, `Found` and `Row` the same as tuples.
"""

from typing import Any, NamedTuple, get_type_hints

import numpy as np
import numpy.typing as npt

TERMS_OF_AN_EVENT = 4
"""Most terms that a confidence has."""


class Found(NamedTuple):
    """One event.

    Attributes:
        event: `vocabulary.Event` number.
        event_index, confirmed_index: the bar it fell on, and the bar that confirmed it.
        structure: number of its structure.
        sub_type: `vocabulary.SubType` number.
        replaces: place in the list of the event it takes the place of, -1 for none.
        price_level: its extreme or close, USD.
        volume_ratio: RVOL of its bar, NaN if unknown.
        confidence: in [0, 1].
        terms: of the confidence, in the order of `vocabulary.TERMS`; NaN where there are fewer.
    """

    event: int
    event_index: int
    confirmed_index: int
    structure: int
    sub_type: int
    replaces: int
    price_level: float
    volume_ratio: float
    confidence: float
    terms: npt.NDArray[np.float64]


class Row(NamedTuple):
    """What is known of one bar.

    Attributes:
        structure: its number, from 1; 0 outside of any.
        origin: 1 where a decline led into it, -1 where a rise did.
        lean: the side that the later events speak for, 1 or -1.
        start: bar of its climax or turn.
        regime, phase: `vocabulary.Regime` and `vocabulary.Phase` numbers.
        touches_support, touches_resistance: how often the price came to each border.
        support, resistance: the borders, USD; NaN before the range is set.
        last_height: height of the last range that ended, USD; NaN without one.
        break_index: first bar of the last break of the support while that is fresh, -1 otherwise.
        break_bars: bars from it until the close was back above; -1 not yet or never.
        break_depth_atr, break_depth_share: depth in ATR, and as a share of the support.
        break_rvol: RVOL of the first bar.
        break_clv: close location of the bar that came back.
    """

    structure: int
    origin: int
    lean: int
    start: int
    regime: int
    phase: int
    touches_support: int
    touches_resistance: int
    support: float
    resistance: float
    last_height: float
    break_index: int
    break_bars: int
    break_depth_atr: float
    break_depth_share: float
    break_rvol: float
    break_clv: float


def dtype_of(kind: type) -> np.dtype[np.void]:
    """The record type of a tuple of numbers."""
    types = {int: (np.int64,), float: (np.float64,)}
    hints = get_type_hints(kind)
    return np.dtype([(name, *types.get(hints[name], (np.float64, (TERMS_OF_AN_EVENT,)))) for name in hints])


def records(kind: npt.DTypeLike, count: int) -> Any:
    """A record array of zeros."""
    return np.zeros(count, kind).view(np.recarray)


EVENT = dtype_of(Found)
ROW = dtype_of(Row)

STATE = np.dtype(
    [
        ("count", np.int64),
        ("structure", np.int64),
        ("stage", np.int64),
        ("side", np.int64),
        ("weak", np.int64),
        ("lean", np.int64),
        ("upthrusts", np.int64),
        ("phase", np.int64),
        ("climax", np.int64),
        ("climax_low", np.float64),
        ("climax_volume", np.float64),
        ("climax_tr", np.float64),
        ("climax_atr", np.float64),
        ("reaction", np.int64),
        ("reaction_event", np.int64),
        ("bottom", np.float64),
        ("top", np.float64),
        ("tests", np.int64),
        ("outside", np.int64),
        ("broken_side", np.int64),
        ("broken_at", np.int64),
        ("last_height", np.float64),
    ]
)
"""The structure. `side` is that of its climax, in whose mirror `climax_low`, `bottom` and `top` are."""

SIDE = np.dtype(
    [
        ("candidate", np.int64),
        ("last_climax", np.int64),
        ("climax_event", np.int64),
        ("test", np.int64),
        ("may_test", np.int64),
        ("may_break", np.int64),
        ("break_at", np.int64),
        ("break_low_at", np.int64),
        ("break_open", np.int64),
        ("break_bars", np.int64),
        ("break_low", np.float64),
        ("break_atr", np.float64),
        ("break_base", np.float64),
        ("break_clv", np.float64),
        ("spring", np.int64),
        ("spring_low", np.float64),
        ("spring_peak", np.float64),
        ("retest", np.int64),
        ("weakened", np.int64),
        ("thrust", np.int64),
        ("pullback_peak", np.float64),
        ("touches", np.int64),
        ("touching", np.int64),
    ]
)
"""What is watched on one side; bars are -1 where there is none."""

BAR = np.dtype(
    [
        ("low", np.float64, (2,)),
        ("high", np.float64, (2,)),
        ("close", np.float64, (2,)),
        ("clv", np.float64, (2,)),
        ("is_turn", np.int64, (2,)),
        ("volume", np.float64),
        ("tr", np.float64),
        ("atr", np.float64),
        ("tr_z", np.float64),
        ("vol_z", np.float64),
        ("rvol", np.float64),
        ("ret20", np.float64),
        ("sma50", np.float64),
        ("low20", np.float64),
        ("high60", np.float64),
        ("max60", np.float64),
        ("min60", np.float64),
    ],
    align=True,
)
"""One bar and its features. What has two values has them for both sides: as it is, and upside down (prices negative,
close location from the other end). `is_turn` is 1 where this bar confirms a pivot low of its side, 0 elsewhere."""
