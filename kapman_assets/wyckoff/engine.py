"""The state machine: one pass over a symbol's bars, seventeen events, range, regime and phase of every bar.

Nothing looks at a bar after the one it stands on. An event is written when it is confirmed, with the bar it fell on
and the bar that confirmed it, and is never taken back: a lower climax or a higher rally is a new event that names the
one it replaces. What an event means for a trade belongs to `signals`; the two scores are in `scores`.

The rules of both sides are written once, for lows: a `side` of 0 reads the bars as they are (selling climax, spring,
sign of strength), a `side` of 1 reads them upside down (buying climax, upthrust, sign of weakness). Prices and levels
in the functions below are such mirrored ones; what is written out is turned back.
"""
# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from kapman_assets.wyckoff.features import Bars, Features, Floats, compute, is_high_pivot
from kapman_assets.wyckoff.parameters import Detection
from kapman_assets.wyckoff.scores import (
    BC_MOST,
    SPRING_MOST,
    SPRING_POINTS,
    bc_score,
    climax_signals,
    spring_score,
)
from kapman_assets.wyckoff.vocabulary import Event, Phase, Regime, SubType

_LOWS, _HIGHS = 0, 1
_NONE, _CLIMAX, _RANGE, _BROKEN = 0, 1, 2, 3
"""Stages of a structure: none, after its climax, after the reaction that sets the range, after the break of it."""

_EVENTS_A_BAR = 4
"""Room for events; a bar that ends a range confirms three at most."""

_PS, _SC, _AR, _ST, _SPRING, _TEST, _SOS, _LPS, _BU = (int(event) for event in list(Event)[:9])
_PSY, _BC, _AR_TOP, _ST_TOP, _UT, _UTAD, _SOW, _LPSY = (int(event) for event in list(Event)[9:])
_A, _B, _C, _D, _E = (int(phase) for phase in (Phase.A, Phase.B, Phase.C, Phase.D, Phase.E))
_UNKNOWN, _ACCUM, _MARKUP, _DIST, _MARKDOWN, _SIDEWAYS = (int(regime) for regime in Regime)
_LOWVOL, _SHAKEOUT = int(SubType.LOWVOL), int(SubType.SHAKEOUT)

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

_STATE = np.dtype(
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

_SIDE = np.dtype(
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


class _Tape(NamedTuple):
    """Bars of both sides, their features, the thresholds and the list that events are written to."""

    low: Floats
    high: Floats
    close: Floats
    clv: Floats
    volume: Floats
    features: Features
    rules: Detection
    events: Any


class Replay(NamedTuple):
    """One pass over a symbol's bars.

    Attributes:
        events: confirmed events in order, a record array of dtype `EVENT`.
        rows: one row a bar, a record array of dtype `ROW`.
        features: the features of every bar.
    """

    events: Any
    rows: Any
    features: Features


@njit(cache=True)
def _share(value: float) -> float:
    """A term of a confidence: within [0, 1], 0 if unknown."""
    return 0.0 if np.isnan(value) else min(max(value, 0.0), 1.0)


@njit(cache=True)
def _write(tape, state, event, at, t, price, terms, replaces=-1, sub_type=0):  # type: ignore[no-untyped-def]
    """Write an event that bar `t` confirms; its place in the list."""
    record = tape.events[state.count]
    record.event = event
    record.event_index = at
    record.confirmed_index = t
    record.structure = state.structure
    record.sub_type = sub_type
    record.replaces = replaces
    record.price_level = abs(price)
    record.volume_ratio = tape.features.rvol[at]
    total = 0.0
    for k in range(4):
        known = k < len(terms)
        record.terms[k] = _share(terms[k]) if known else np.nan
        total += record.terms[k] if known else 0.0
    record.confidence = total / len(terms)
    state.count += 1
    return state.count - 1


@njit(cache=True)
def _way(tape, side, t):  # type: ignore[no-untyped-def]
    """How far the bar before `t` is from the extreme close of 60 bars, down in the side's mirror, USD."""
    last, features = tape.close[_LOWS, t - 1], tape.features
    return features.max60[t] - last if side == _LOWS else last - features.min60[t]


@njit(cache=True)
def _trends(tape, side, t):  # type: ignore[no-untyped-def]
    """Whether a trend led down (in the side's mirror) to the bar before `t`."""
    rules, features = tape.rules, tape.features
    far, ret = (
        (features.max60[t], -features.ret20[t - 1]) if side == _LOWS else (features.min60[t], features.ret20[t - 1])
    )
    way, atr = _way(tape, side, t), features.atr[t]
    is_far = ret >= rules.trend_return or way / far >= rules.trend_drawdown or way >= rules.trend_far_atr * atr
    return is_far and way >= rules.trend_atr * atr


@njit(cache=True)
def _strength(features, t):  # type: ignore[no-untyped-def]
    """How much wider and heavier than others a bar is."""
    return min(features.tr_z[t], 6.0) + min(features.vol_z[t], 10.0)


@njit(cache=True)
def _is_turn(tape, side, t):  # type: ignore[no-untyped-def]
    """Whether a bar is wider and heavier than most, at new lows but closing off them, some way down."""
    rules, features = tape.rules, tape.features
    is_new = tape.low[side, t] < (features.low20[t] if side == _LOWS else -features.high60[t])
    return (
        is_new
        and _strength(features, t) >= rules.turn_strength
        and tape.clv[side, t] >= rules.climax_close
        and _way(tape, side, t) >= rules.turn_trend_atr * features.atr[t]
    )


@njit(cache=True)
def _is_climax(tape, side, t):  # type: ignore[no-untyped-def]
    """Whether a turn is wide and heavy enough, and ends a trend."""
    rules, features = tape.rules, tape.features
    is_heavy = features.vol_z[t] >= rules.climax_z or features.rvol[t] >= rules.climax_rvol
    is_strong = _strength(features, t) >= rules.climax_strength
    return is_heavy and is_strong and features.tr_z[t] >= rules.climax_z and _trends(tape, side, t)


@njit(cache=True)
def _forget_side(one):  # type: ignore[no-untyped-def]
    """Nothing of an earlier structure is watched any more; climax and its cooldown are the market's."""
    one.test = one.break_at = one.spring = one.retest = one.thrust = -1
    one.may_test = one.may_break = 1
    one.break_open = one.weakened = one.touches = one.touching = 0


@njit(cache=True)
def _end(state, regime):  # type: ignore[no-untyped-def]
    """The structure is over."""
    if state.stage >= _RANGE:
        state.last_height = state.top - state.base
    state.stage, state.phase, state.last_regime = _NONE, 0, regime


@njit(cache=True)
def _lower(state, side):  # type: ignore[no-untyped-def]
    """The border of the range below, in the side's mirror."""
    return state.base if side == state.side else -state.top


@njit(cache=True)
def _upper(state, side):  # type: ignore[no-untyped-def]
    """The border of the range above, in the side's mirror."""
    return state.top if side == state.side else -state.base


@njit(cache=True)
def _may_start(tape, state, sides, side, at):  # type: ignore[no-untyped-def]
    """Whether a climax begins a structure: no other is in the way, and the last climax is long ago or undercut."""
    one, low = sides[side], tape.low[side, at]
    if not _is_climax(tape, side, at):
        return state.stage == _NONE or (state.stage == _CLIMAX and state.weak)
    if state.weak and state.stage == _CLIMAX:
        return True
    is_recent = one.last_climax >= 0 and at - one.last_climax < tape.rules.climax_cooldown
    if is_recent and not _is_further(tape, one, side, at):
        return False
    # A deep false break of a living range is no climax.
    return state.stage != _RANGE or low < _lower(state, side) - tape.rules.break_most * tape.features.atr[at]


@njit(cache=True)
def _is_further(tape, one, side, at):  # type: ignore[no-untyped-def]
    """Whether a climax undercuts the last one of its side on enough volume."""
    last = one.last_climax
    return (
        last >= 0
        and tape.low[side, at] < tape.low[side, last]
        and tape.volume[at] >= tape.rules.climax_replace_volume * tape.volume[last]
    )


@njit(cache=True)
def _is_replaced(tape, one, side, at):  # type: ignore[no-untyped-def]
    """Whether a climax takes the place of the last one of its side."""
    return at - one.last_climax <= tape.rules.climax_replace_bars and _is_further(tape, one, side, at)


@njit(cache=True)
def _write_preliminary(tape, state, side, at, t):  # type: ignore[no-untyped-def]
    """The heaviest bar with a trend before it and a close off its low, shortly before the climax."""
    rules, features = tape.rules, tape.features
    best = -1
    for p in range(max(at - rules.preliminary_bars, 1), at - 1):
        is_one = features.rvol[p] >= rules.preliminary_rvol and tape.clv[side, p] >= rules.preliminary_close
        if is_one and (best < 0 or features.rvol[p] > features.rvol[best]) and _trends(tape, side, p):
            best = p
    if best >= 0:
        terms = (features.rvol[best] / 3, tape.clv[side, best])
        _write(tape, state, _PS if side == _LOWS else _PSY, best, t, tape.low[side, best], terms)


@njit(cache=True)
def _start(tape, state, sides, side, at, t):  # type: ignore[no-untyped-def]
    """Begin a structure with the turn on bar `at`, or put it in the place of the last one."""
    features = tape.features
    if state.stage != _NONE:
        _end(state, state.last_regime)
    _forget_side(sides[_LOWS])
    _forget_side(sides[_HIGHS])
    low = tape.low[side, at]
    state.structure += 1
    state.stage, state.phase, state.side, state.weak = _CLIMAX, _A, side, 1
    state.lean = 1 if side == _LOWS else -1
    state.climax, state.climax_low, state.climax_atr = at, low, features.atr[at]
    state.climax_volume, state.climax_tr = tape.volume[at], features.tr[at]
    state.base, state.top, state.reaction = low, tape.high[side, at + 1], at + 1
    state.reaction_event, state.tests, state.outside, state.broken_side = -1, 0, 0, -1
    state.upthrusts = 0
    for i in range(at + 2, t):
        if tape.high[side, i] > state.top:
            state.top, state.reaction = tape.high[side, i], i
    if _is_climax(tape, side, at):
        _write_climax(tape, state, sides[side], t)


@njit(cache=True)
def _write_climax(tape, state, one, t):  # type: ignore[no-untyped-def]
    """The turn that the structure began with is a climax."""
    features, side, at = tape.features, state.side, state.climax
    replaces = -1
    if _is_replaced(tape, one, side, at):
        replaces = one.climax_event
    else:
        _write_preliminary(tape, state, side, at, t)
    if side == _HIGHS:
        # Its one term, the score, is filled in after the pass.
        one.climax_event = _write(tape, state, _BC, at, t, state.climax_low, (np.nan,), replaces)
    else:
        decline = 1 - state.climax_low / features.max60[at]
        terms = (
            features.tr_z[at] / 4,
            features.vol_z[at] / 4,
            decline / (2 * tape.rules.trend_drawdown),
            tape.clv[side, at],
        )
        one.climax_event = _write(tape, state, _SC, at, t, state.climax_low, terms, replaces)
    one.last_climax, state.weak = at, 0


@njit(cache=True)
def _follow_climax(tape, state, sides, side, t):  # type: ignore[no-untyped-def]
    """Watch a climax bar until later bars hold above it, or do not."""
    rules, features = tape.rules, tape.features
    low, one = tape.low[side], sides[side]
    at = one.candidate
    if at >= 0:
        slack = rules.sc_slack if side == _LOWS else rules.bc_slack
        bars = rules.sc_confirm_bars if side == _LOWS else rules.bc_confirm_bars
        middle = (low[at] + tape.high[side, at]) / 2
        if low[t] < low[at] - slack * features.atr[at] or t - at > bars:
            one.candidate = -1
        elif side == _LOWS or low[t] > low[at] or tape.close[side, t] > middle:
            one.candidate = -1
            if (_is_climax(tape, side, at) and _is_replaced(tape, one, side, at)) or _may_start(
                tape, state, sides, side, at
            ):
                _start(tape, state, sides, side, at, t)
    if _is_turn(tape, side, t) and (one.candidate < 0 or low[t] < low[one.candidate]):
        one.candidate = t


@njit(cache=True)
def _follow_reaction(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """Watch the rally after a climax until it pulls back: its top is the other border of the range."""
    rules, features, side = tape.rules, tape.features, state.side
    if t <= state.climax + rules.ar_bars and tape.high[side, t] > state.top:
        state.top, state.reaction = tape.high[side, t], t
    rise = state.top - state.climax_low
    has_turned = t > state.reaction and tape.close[side, t] <= state.top - rules.ar_pullback * features.atr[t]
    if has_turned and rise >= rules.ar_rise * state.climax_atr:
        volume = np.mean(tape.volume[state.climax + 1 : state.reaction + 1])
        terms = (rise / (3 * state.climax_atr), 1 - volume / state.climax_volume)
        event = _AR if side == _LOWS else _AR_TOP
        at = state.reaction
        is_strong = _strength(features, state.climax) >= rules.late_strength
        if (
            state.weak
            and is_strong
            and rise >= rules.late_rise * state.climax_atr
            and _trends(tape, side, state.climax)
        ):
            _write_climax(tape, state, sides[side], t)
        if not state.weak:
            state.reaction_event = _write(tape, state, event, at, t, state.top, terms, state.reaction_event)
        state.stage = _RANGE
    elif (
        t > state.climax + rules.ar_bars + rules.st_confirm_bars
        or tape.close[side, t] < state.climax_low - state.climax_atr
    ):
        _end(state, _SIDEWAYS)


@njit(cache=True)
def _follow_test(tape, state, one, t):  # type: ignore[no-untyped-def]
    """Watch for quiet lows near the climax from which the price turns."""
    rules, features, side = tape.rules, tape.features, state.side
    low, atr = tape.low[side], features.atr[t]
    zone = max(rules.st_atr * atr, rules.st_share * (state.top - state.base))
    is_break = low[t] < state.base - rules.break_least * atr
    is_quiet = tape.volume[t] <= rules.st_volume * state.climax_volume and features.tr[t] < state.climax_tr
    if is_break or (one.test >= 0 and t - one.test > rules.st_confirm_bars):
        one.test = -1
    is_near = low[t] <= state.base + zone and not is_break
    in_time = t - state.reaction <= rules.st_bars
    if is_near and is_quiet and in_time and one.may_test and (one.test < 0 or low[t] < low[one.test]):
        one.test = t
    elif one.test >= 0 and tape.close[side, t] >= low[one.test] + rules.st_bounce * atr:
        at = one.test
        terms = (1 - tape.volume[at] / state.climax_volume, 1 - (low[at] - state.base) / zone)
        if not state.weak:
            _write(tape, state, _ST if side == _LOWS else _ST_TOP, at, t, low[at], terms)
        state.tests += 1
        one.test, one.may_test = -1, 0
        if state.phase == _A:
            state.phase = _B


@njit(cache=True)
def _follow_break(tape, state, sides, side, t):  # type: ignore[no-untyped-def]
    """Watch a break of the lower border until the close is back inside, or stays out."""
    rules, features, one = tape.rules, tape.features, sides[side]
    low, close, border = tape.low[side], tape.close[side], _lower(state, side)
    if one.break_open:
        if low[t] < one.break_low:
            one.break_low, one.break_low_at = low[t], t
    elif (
        low[t] < border - rules.break_least * features.atr[t]
        and close[t - 1] >= border
        and t - state.climax >= rules.break_age
    ):
        one.break_open, one.break_at, one.break_low_at, one.break_low = 1, t, t, low[t]
        one.break_atr, one.break_base, one.break_bars, one.break_clv = features.atr[t], border, -1, np.nan
    if not one.break_open:
        return
    if close[t] <= one.break_base:
        if t - one.break_at >= rules.reclaim_bars:
            one.break_open = 0
        return
    one.break_open = 0
    one.break_bars, one.break_clv = t - one.break_at, tape.clv[side, t]
    depth = (one.break_base - one.break_low) / one.break_atr
    most = min(rules.break_share * abs(one.break_base) / one.break_atr, rules.break_most)
    is_proven = not state.weak or state.tests >= rules.turn_tests
    is_rejected = rules.break_depth + rules.break_depth_a_bar * one.break_bars <= depth <= most
    if not (is_proven and is_rejected and one.may_break):
        return
    if side == _LOWS:
        # A distribution whose top has been tried in vain is not accumulated at the bottom.
        if state.side == _LOWS or state.upthrusts == 0:
            _write_spring(tape, state, one, t)
    elif tape.volume[one.break_low_at] < state.climax_volume:
        _write_upthrust(tape, state, one, t)


@njit(cache=True)
def _write_spring(tape, state, one, t):  # type: ignore[no-untyped-def]
    """The close is back above the support. The terms are those of the spring score and are filled in with it."""
    rules, features = tape.rules, tape.features
    sub_type = 0
    if features.rvol[one.break_at] < rules.lowvol_rvol:
        sub_type = _LOWVOL
    elif features.vol_z[one.break_at] >= rules.shakeout_z:
        sub_type = _SHAKEOUT
    terms = (np.nan, np.nan, np.nan, np.nan)
    _write(tape, state, _SPRING, one.break_low_at, t, one.break_low, terms, -1, sub_type)
    one.spring, one.spring_low, one.spring_peak, one.retest = t, one.break_low, tape.high[_LOWS, t], -1
    one.may_break = one.may_test = 0
    state.phase, state.lean = _C, 1


@njit(cache=True)
def _write_upthrust(tape, state, one, t):  # type: ignore[no-untyped-def]
    """The close is back below the top of a distribution."""
    rules, at = tape.rules, one.break_low_at
    is_late = one.break_at - state.climax >= rules.upthrust_age and one.weakened == 1
    terms = (
        (one.break_base - one.break_low) / one.break_atr,
        1 - one.break_bars / (rules.reclaim_bars + 1),
        1 - tape.volume[at] / state.climax_volume,
        one.break_clv,
    )
    _write(tape, state, _UTAD if is_late else _UT, at, t, one.break_low, terms)
    one.may_break = one.may_test = 0
    state.lean = -1
    state.upthrusts += 1
    if is_late:
        state.phase = _C


@njit(cache=True)
def _follow_retest(tape, state, one, t):  # type: ignore[no-untyped-def]
    """Watch for a quiet fall back towards a spring, after a rally from it, and the up close that ends it."""
    rules, features = tape.rules, tape.features
    low, close, atr = tape.low[_LOWS], tape.close[_LOWS], features.atr[t]
    if one.spring < 0 or t == one.spring:
        return
    if low[t] < one.spring_low or t - one.spring > rules.test_bars:
        one.spring = one.retest = -1
        return
    if one.retest < 0 or low[t] < low[one.retest]:
        rally = one.spring_peak - one.spring_low
        is_back = rally >= rules.test_rally * atr and low[t] <= one.spring_peak - rules.test_retrace * rally
        if is_back and features.rvol[t] <= rules.test_rvol and features.tr[t] <= rules.test_tr * atr:
            one.retest = t
            return
    if one.retest >= 0 and close[t] > close[t - 1] and t - one.retest <= rules.test_confirm_bars:
        at = one.retest
        terms = (1 - features.rvol[at] / 2, 1 - features.tr[at] / (2 * features.atr[at]))
        _write(tape, state, _TEST, at, t, low[at], terms)
        one.spring = one.retest = -1
    one.spring_peak = max(one.spring_peak, tape.high[_LOWS, t])


@njit(cache=True)
def _follow_thrust(tape, state, sides, side, t):  # type: ignore[no-untyped-def]
    """Watch a wide, heavy close above the upper border until it holds, or does not."""
    rules, features, one = tape.rules, tape.features, sides[side]
    close, border, atr = tape.close[side], _upper(state, side), features.atr[t]
    at = one.thrust
    if at >= 0:
        if side == _LOWS:
            holds = t - at >= rules.sos_hold_bars
        else:
            holds = close[t] > border
        if close[t] <= border - rules.thrust_slack * atr or (side == _HIGHS and t - at > rules.sow_confirm_bars):
            one.thrust = -1
        elif holds:
            terms = (features.tr_z[at] / 3, features.rvol[at] / 3, tape.clv[side, at])
            _write(tape, state, _SOS if side == _LOWS else _SOW, at, t, close[at], terms)
            one.thrust = -1
            state.stage, state.broken_side, state.broken_at = _BROKEN, side, at
            state.phase, state.lean = _D, 1 if side == _LOWS else -1
            one.pullback_peak = tape.high[side, at]
            for i in range(at + 1, t + 1):
                one.pullback_peak = max(one.pullback_peak, tape.high[side, i])
            return
    if one.thrust < 0:
        beyond = rules.sos_beyond if side == _LOWS else rules.sow_beyond
        least = rules.sos_rvol if side == _LOWS else rules.sow_rvol
        is_ripe = state.tests > 0 or one.break_at >= 0 or t - state.climax >= rules.thrust_age
        if state.weak and state.tests < rules.turn_tests:
            is_ripe = False
        if (
            is_ripe
            and close[t] > border + beyond * atr
            and features.tr_z[t] >= rules.thrust_z
            and features.rvol[t] >= least
            and tape.clv[side, t] >= rules.thrust_close
        ):
            one.thrust = t


@njit(cache=True)
def _follow_pullback(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """After the break: quiet pullbacks that hold the far half of the range, the trend, or the break's failure."""
    rules, features, side = tape.rules, tape.features, state.broken_side
    one, low, close = sides[side], tape.low[side], tape.close[side]
    lower, upper, at = _lower(state, side), _upper(state, side), t - rules.pivot_wing
    middle = (lower + upper) / 2
    if close[t] < upper - rules.failed_share * (upper - lower):
        state.stage, state.phase, state.broken_side, state.outside = _RANGE, _B, -1, 0
        return
    if t - state.broken_at > rules.broken_bars:
        _end(state, _MARKUP if side == _LOWS else _MARKDOWN)
        return
    # A pivot low is a pivot high upside down.
    is_pivot = at > state.broken_at and is_high_pivot(tape.high[1 - side, : t + 1], at, rules.pivot_wing)
    atr = features.atr[at]
    is_pullback = is_pivot and one.pullback_peak - low[at] >= rules.pullback_atr * atr
    is_near = middle <= low[at] <= upper + rules.pullback_far_atr * atr
    if is_pullback and is_near and features.rvol[at] <= rules.pullback_rvol:
        event = _LPSY
        if side == _LOWS:
            event = _BU if low[at] >= upper - rules.backup_atr * atr else _LPS
        terms = (1 - features.rvol[at] / 2, (low[at] - lower) / (upper - lower))
        _write(tape, state, event, at, t, low[at], terms)
        one.pullback_peak = tape.high[side, at]
    one.pullback_peak = max(one.pullback_peak, tape.high[side, at] if at > state.broken_at else -np.inf)
    if close[t] > upper + rules.leave_atr * features.atr[t]:
        state.phase = _E


@njit(cache=True)
def _follow_borders(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """Count touches of both borders, see a minor weakness, and end a range that the price has left."""
    rules, atr = tape.rules, tape.features.atr[t]
    outside = 0
    for side in range(2):
        one, low, close, lower = sides[side], tape.low[side, t], tape.close[side, t], _lower(state, side)
        if low <= lower + rules.touch_atr * atr:
            one.touches += 1 - one.touching
            one.touching = 1
        if tape.high[side, t] >= lower + rules.rearm_share * (state.top - state.base):
            one.may_test = one.may_break = 1
        if low > lower + 2 * rules.touch_atr * atr:
            one.touching = 0
        if close < lower:
            outside = 1 if side == _LOWS else -1
            if close < lower - rules.exit_atr * atr:
                outside *= rules.exit_bars
    if state.side == _HIGHS and tape.close[_HIGHS, t] > state.base + rules.minor_share * (state.top - state.base):
        sides[_HIGHS].weakened = 1
    state.outside = state.outside + outside if outside * state.outside >= 0 and outside != 0 else outside
    if abs(state.outside) >= rules.exit_bars and sides[_LOWS].thrust < 0 and sides[_HIGHS].thrust < 0:
        _end(state, _MARKDOWN if state.outside > 0 else _MARKUP)
    elif t - state.climax > rules.range_bars:
        _end(state, _SIDEWAYS)


@njit(cache=True)
def _step(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """Everything that bar `t` confirms or begins."""
    if state.stage == _CLIMAX:
        _follow_reaction(tape, state, sides, t)
    elif state.stage == _RANGE:
        one = sides[state.side]
        beyond = (tape.high[state.side, t] - state.top) / tape.features.atr[t]
        if beyond >= tape.rules.ar_beyond and state.tests == 0 and t <= state.climax + tape.rules.ar_bars:
            # The reaction was not over.
            state.stage, state.top, state.reaction = _CLIMAX, tape.high[state.side, t], t
        else:
            if state.phase <= _B:
                _follow_test(tape, state, one, t)
            _follow_break(tape, state, sides, _LOWS, t)
            if state.side == _HIGHS:
                _follow_break(tape, state, sides, _HIGHS, t)
            _follow_retest(tape, state, sides[_LOWS], t)
            _follow_thrust(tape, state, sides, _LOWS, t)
            if state.stage == _RANGE:
                _follow_thrust(tape, state, sides, _HIGHS, t)
            if state.stage == _RANGE:
                _follow_borders(tape, state, sides, t)
    elif state.stage == _BROKEN:
        _follow_pullback(tape, state, sides, t)
    _follow_climax(tape, state, sides, _LOWS, t)
    _follow_climax(tape, state, sides, _HIGHS, t)


@njit(cache=True)
def _regime(tape, state, t):  # type: ignore[no-untyped-def]
    """What the symbol does: by its structure, or without one by the 50-bar mean and its direction."""
    features, close = tape.features, tape.close[_LOWS]
    mean = features.sma50
    if state.stage == _BROKEN and state.phase == _E:
        regime = _MARKUP if state.broken_side == _LOWS else _MARKDOWN
    elif state.stage != _NONE and state.weak:
        regime = _SIDEWAYS
    elif state.stage != _NONE:
        regime = _ACCUM if state.lean > 0 else _DIST
    elif t < tape.rules.trend_bars or np.isnan(mean[t - tape.rules.trend_bars]):
        regime = _UNKNOWN
    elif close[t] > mean[t] > mean[t - tape.rules.trend_bars]:
        regime = _MARKUP
    elif close[t] < mean[t] < mean[t - tape.rules.trend_bars]:
        regime = _MARKDOWN
    else:
        regime = _SIDEWAYS
    return regime


@njit(cache=True)
def _write_row(tape, state, sides, t, row):  # type: ignore[no-untyped-def]
    """What is known after bar `t`."""
    row.regime, row.last_height = _regime(tape, state, t), state.last_height
    row.support = row.resistance = row.spring_low = np.nan
    row.break_depth_atr = row.break_depth_share = row.break_rvol = row.break_clv = np.nan
    row.structure = row.origin = row.lean = row.touches_support = row.touches_resistance = row.phase = 0
    row.start = row.break_index = row.break_bars = -1
    if state.stage == _NONE:
        return
    low = sides[_LOWS]
    row.structure, row.phase, row.start, row.lean = state.structure, state.phase, state.climax, state.lean
    row.origin = 1 if state.side == _LOWS else -1
    if state.stage == _CLIMAX:
        return
    row.support, row.resistance = _lower(state, _LOWS), _upper(state, _LOWS)
    row.touches_support, row.touches_resistance = low.touches, sides[_HIGHS].touches
    if low.break_at >= 0 and t - low.break_at <= tape.rules.test_bars:
        row.break_index, row.break_bars = low.break_at, low.break_bars
        row.break_depth_atr = (low.break_base - low.break_low) / low.break_atr
        row.break_depth_share = (low.break_base - low.break_low) / low.break_base
        row.break_rvol, row.break_clv = tape.features.rvol[low.break_at], low.break_clv
        row.spring_low = low.break_low


@njit(cache=True)
def _run(bars, features, rules, events, rows, state, sides):  # type: ignore[no-untyped-def]
    """Pass over the bars once; number of events."""
    count = len(bars.close)
    low, high = np.empty((2, count)), np.empty((2, count))
    close, clv = np.empty((2, count)), np.empty((2, count))
    low[0], high[0], close[0], clv[0] = bars.low, bars.high, bars.close, features.clv
    low[1], high[1], close[1], clv[1] = -bars.high, -bars.low, -bars.close, 1 - features.clv
    tape = _Tape(low, high, close, clv, bars.volume, features, rules, events)
    one = state[0]
    one.side = one.lean = one.structure = one.count = one.stage = one.phase = 0
    one.last_height = np.nan
    for side in range(2):
        _forget_side(sides[side])
        sides[side].candidate = sides[side].last_climax = -1
    for t in range(count):
        # No feature is known before, and the rules look some bars back.
        if not np.isnan(features.tr_z[t]):
            _step(tape, one, sides, t)
        _write_row(tape, one, sides, t, rows[t])
    return one.count


def replay(bars: Bars, rules: Detection, sentiment: Floats | None = None) -> Replay:
    """Read a symbol from its first bar to its last.

    Args:
        bars: sound bars, see `reading.is_sound`.
        rules: the thresholds.
        sentiment: percentile of the sentiment proxy, one a bar, for the confidence of a buying climax.

    Returns:
        Events and rows; those of the first n bars are the same whatever follows.
    """
    count = len(bars.close)
    features = compute(bars, rules.pivot_wing)
    events = np.zeros(count * _EVENTS_A_BAR, EVENT).view(np.recarray)
    rows = np.zeros(count, ROW).view(np.recarray)
    state, sides = np.zeros(1, _STATE).view(np.recarray), np.zeros(2, _SIDE).view(np.recarray)
    written = events[: _run(bars, features, rules, events, rows, state, sides)]
    _grade_climaxes(written, bars, features, sentiment)
    _grade_springs(written, rows)
    return Replay(written, rows, features)


def _grade_climaxes(events: Any, bars: Bars, features: Features, sentiment: Floats | None) -> None:
    """The confidence of a buying climax is its score on the bar it fell on."""
    found = np.flatnonzero(events.event == _BC)
    if len(found):
        score = bc_score(climax_signals(bars, features, sentiment)).scaled[events.event_index[found]]
        events.confidence[found] = events.terms[found, 0] = score / BC_MOST


def _grade_springs(events: Any, rows: Any) -> None:
    """The terms of a spring are the points of its score when it was confirmed."""
    found = np.flatnonzero(events.event == _SPRING)
    if len(found):
        row = rows[events.confirmed_index[found]]
        score = spring_score(row.break_depth_atr, row.break_depth_share, row.break_bars, row.break_rvol, row.break_clv)
        events.terms[found] = np.nan_to_num(np.stack(list(score.points.values()), axis=1)) / SPRING_POINTS
        events.confidence[found] = score.scaled / SPRING_MOST
