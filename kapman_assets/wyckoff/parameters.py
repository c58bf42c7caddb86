"""Every threshold of the Wyckoff layer by name, in one frozen object that goes to JSON and back.

Thresholds that decide an event are in `Detection`, a tuple so that the compiled kernel takes it as it is. Ladders of
the two scores are definitions, not thresholds, and stand in `scores`. Defaults are those of the public rule set unless
`docs/wyckoff.md` says otherwise and why.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self, get_type_hints

from kapman_resources.errors import ConfigurationError


class Detection(NamedTuple):
    """Thresholds of the state machine. `atr` is the mean true range of the 20 bars before, `z` a deviation of 40.

    Attributes:
        trend_return: return over 20 bars that makes a trend; decimal.
        trend_drawdown: distance from the extreme close of 60 bars that makes one; decimal.
        trend_far_atr: the distance that is a trend whatever it is in per cent, ATR: eight per cent are much for a
            quiet name and little for a wild one.
        trend_atr: the distance that must be there in any case before a climax, ATR.
        climax_z: least deviation of true range and of volume on a climax bar.
        climax_rvol: relative volume that is as good as that deviation.
        climax_strength: least sum of both deviations, of range counted up to 6 and of volume up to 10.
        turn_trend_atr, turn_strength: the same distance and sum for a turn that begins a range without being called a
            climax.
        late_strength, late_rise: the sum, and the reaction in ATR, that make a turn a climax after the fact.
        turn_tests: tests of its low that such a range needs before it has events.
        climax_close: least close location of a climax bar, from the side that the trend leads to.
        sc_slack, bc_slack: how far later bars may exceed the climax while it waits for confirmation, ATR.
        sc_confirm_bars, bc_confirm_bars: bars within which it must be confirmed.
        climax_cooldown: bars between two climaxes of one side.
        climax_replace_bars: bars within which a further climax replaces the first.
        climax_replace_volume: its volume over that of the first, at least.
        preliminary_bars: bars before a climax in which its forerunner is looked for.
        preliminary_rvol, preliminary_close: relative volume and close location of the forerunner.
        ar_bars: bars within which the reaction makes its extreme.
        ar_rise, ar_pullback: its least size and the pullback that confirms it, ATR.
        ar_beyond: how far a later high must exceed the reaction to be the reaction in its place, ATR.
        st_bars: bars after the reaction in which tests count.
        st_atr, st_share: how near to the climax a test must come: the larger of ATR and share of the range.
        st_volume: volume of a test over that of the climax, at most.
        st_bounce: recovery that confirms a test, ATR.
        st_confirm_bars: bars within which it must come.
        rearm_share: share of the range that the price must cross before another test or false break counts.
        break_age: bars from the climax before which a false break of the support does not count.
        break_least: depth from which a break is watched, ATR.
        break_depth, break_depth_a_bar: least depth of a false break, and what each bar adds that it takes to come back,
            ATR: a shallow break that lingers is drift, not rejection.
        break_most: its largest depth, ATR.
        break_share: its largest depth as a share of the price.
        reclaim_bars: bars within which the close must be back.
        lowvol_rvol, shakeout_z: volume below and above which a spring is of a sub-type.
        test_bars: bars after a spring in which its test counts.
        test_rally: rise after the spring before a fall back is a test, ATR.
        test_retrace: share of that rise which the test gives back, at least.
        test_rvol, test_tr: its relative volume and true range (ATR), at most.
        test_confirm_bars: bars within which an up close must follow.
        thrust_age: bars from the climax after which a break of the range counts without a test before it.
        sos_beyond, sow_beyond: how far beyond the range the first close is, ATR.
        thrust_z: least deviation of the true range on it.
        sos_rvol, sow_rvol: its least relative volume.
        thrust_close: its least close location, from the side it came from.
        thrust_slack: how far closes may fall back while it waits, ATR.
        sos_hold_bars: closes that must hold after a sign of strength.
        sow_confirm_bars: bars within which a second close beyond the range must follow a sign of weakness.
        pivot_wing: bars on each side of a pivot.
        pullback_atr: least size of a pullback or rally after the break, ATR.
        pullback_rvol: its relative volume at the pivot, at most.
        pullback_far_atr: distance beyond the old border up to which a pullback belongs to the range, ATR.
        backup_atr: distance from the old border within which a pullback is a back-up, ATR.
        broken_bars: bars after the break in which pullbacks count; then the structure is over.
        leave_atr: distance beyond the border from which the trend phase has begun, ATR.
        upthrust_age: bars from the climax before which an upthrust is not one after distribution.
        minor_share: how much of a distribution's height a close must give back to count as a minor sign of weakness.
        touch_atr: nearness to a border that counts as a touch, ATR.
        exit_atr, exit_bars: distance beyond a border, or closes in a row beyond it, that end a range without a sign.
        range_bars: bars after which a range is over in any case.
    """

    trend_return: float = 0.08
    trend_drawdown: float = 0.15
    trend_far_atr: float = 6.0
    trend_atr: float = 5.0
    climax_z: float = 1.0
    climax_rvol: float = 2.5
    climax_strength: float = 7.0
    turn_trend_atr: float = 4.0
    turn_strength: float = 3.0
    late_strength: float = 5.5
    late_rise: float = 5.0
    turn_tests: int = 2
    climax_close: float = 0.25
    sc_slack: float = 0.25
    bc_slack: float = 0.0
    sc_confirm_bars: int = 3
    bc_confirm_bars: int = 5
    climax_cooldown: int = 60
    climax_replace_bars: int = 25
    climax_replace_volume: float = 0.6
    preliminary_bars: int = 30
    preliminary_rvol: float = 1.3
    preliminary_close: float = 0.3
    ar_bars: int = 25
    ar_rise: float = 4.0
    ar_pullback: float = 1.5
    ar_beyond: float = 0.5
    st_bars: int = 60
    st_atr: float = 0.5
    st_share: float = 0.2
    st_volume: float = 0.7
    st_bounce: float = 1.25
    st_confirm_bars: int = 7
    rearm_share: float = 0.5
    break_age: int = 15
    break_least: float = 0.1
    break_depth: float = 0.35
    break_depth_a_bar: float = 0.35
    break_most: float = 2.0
    break_share: float = 0.08
    reclaim_bars: int = 3
    lowvol_rvol: float = 1.0
    shakeout_z: float = 0.8
    test_bars: int = 15
    test_rally: float = 2.5
    test_retrace: float = 0.4
    test_rvol: float = 1.0
    test_tr: float = 1.5
    test_confirm_bars: int = 5
    thrust_age: int = 15
    sos_beyond: float = 0.0
    sow_beyond: float = 0.25
    thrust_z: float = 0.0
    sos_rvol: float = 1.3
    sow_rvol: float = 1.2
    thrust_close: float = 0.6
    thrust_slack: float = 1.0
    sos_hold_bars: int = 2
    sow_confirm_bars: int = 3
    pivot_wing: int = 3
    pullback_atr: float = 1.5
    pullback_rvol: float = 1.2
    pullback_far_atr: float = 2.0
    backup_atr: float = 1.0
    broken_bars: int = 40
    leave_atr: float = 2.0
    upthrust_age: int = 25
    minor_share: float = 0.9
    touch_atr: float = 0.5
    exit_atr: float = 3.0
    exit_bars: int = 10
    range_bars: int = 250
