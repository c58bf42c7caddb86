"""Record types of the state machine: what it reads a bar, what it remembers, what it writes. No rule.

`BAR`, `STATE` and `SIDE` are the kernel's own; `EVENT` and `ROW` are its result.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

EVENT = np.dtype(
    [
        ("event", np.int64),
        ("event_index", np.int64),
        ("confirmed_index", np.int64),
        ("structure", np.int64),
        ("sub_type", np.int64),
        ("replaces", np.int64),
        ("price_level", np.float64),
        ("volume_ratio", np.float64),
        ("confidence", np.float64),
        ("terms", np.float64, (4,)),
    ]
)
"""One event: `Event` number, the bar it fell on, the bar that confirmed it, number of its structure, `SubType` number,
place in the list of the event it replaces (-1 for none), its extreme or close in USD, RVOL of its bar (NaN if unknown),
confidence in [0, 1] and its terms in the order of `vocabulary.TERMS` (NaN where there are fewer)."""

ROW = np.dtype(
    [
        ("structure", np.int64),
        ("origin", np.int64),
        ("lean", np.int64),
        ("start", np.int64),
        ("regime", np.int64),
        ("phase", np.int64),
        ("touches_support", np.int64),
        ("touches_resistance", np.int64),
        ("support", np.float64),
        ("resistance", np.float64),
        ("last_height", np.float64),
        ("spring_low", np.float64),
        ("break_index", np.int64),
        ("break_bars", np.int64),
        ("break_depth_atr", np.float64),
        ("break_depth_share", np.float64),
        ("break_rvol", np.float64),
        ("break_clv", np.float64),
    ]
)
"""What is known of one bar. `structure` counts from 1 and is 0 outside of any; `origin` is 1 after a decline, -1 after
a rise; `lean` is the side that the later events speak for; `start` is the bar of the climax or turn; support,
resistance and `last_height` (of the last range that ended) are in USD. The `break_` fields describe the last break of
the support while it is fresh (index -1 otherwise): bars until the close was back above (-1 not yet or never), depth,
RVOL of the first bar below, close location of the bar that came back."""

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
        ("base", np.float64),
        ("top", np.float64),
        ("tests", np.int64),
        ("outside", np.int64),
        ("broken_side", np.int64),
        ("broken_at", np.int64),
        ("last_height", np.float64),
        ("last_regime", np.int64),
    ]
)
"""The structure. `side` is that of its climax, in whose mirror `climax_low`, `base` and `top` are."""

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


def records(kind: npt.DTypeLike, count: int) -> Any:
    """A record array of zeros."""
    return np.zeros(count, kind).view(np.recarray)
