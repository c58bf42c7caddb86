"""The state machine: one pass over a symbol's bars, seventeen events, range, regime and phase of every bar.

Nothing looks at a bar after the one it stands on. An event is written when it is confirmed, with the bar it fell on
and the bar that confirmed it, and is never taken back: a lower climax or a higher rally is a new event that names the
one it replaces. What an event means for a trade belongs to `signals`; the two scores are in `scores`.

The rules of both sides are written once, for lows: a `side` of 0 reads the bars as they are (selling climax, spring,
sign of strength), a `side` of 1 reads them upside down (buying climax, upthrust, sign of weakness). Prices and levels
in the functions below are such mirrored ones; what is written out is turned back.
"""
# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from kapman_assets.wyckoff.features import Bars, Features, compute
from kapman_assets.wyckoff.parameters import Detection
from kapman_assets.wyckoff.records import BAR, EVENT, ROW, SIDE, STATE, TERMS_OF_AN_EVENT, dtype_of, records
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


class _Tape(NamedTuple):
    """What the rules read and where they write: a record a bar, the thresholds, the list of events."""

    bars: Any
    rules: Any
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


@njit(cache=True, error_model="numpy")
def _share(value: float) -> float:
    """A term of a confidence: within [0, 1], 0 if unknown."""
    return 0.0 if np.isnan(value) else min(max(value, 0.0), 1.0)


@njit(cache=True, error_model="numpy")
def _write(tape, state, event, at, t, price, terms, replaces=-1, sub_type=0):  # type: ignore[no-untyped-def]
    """Write an event that bar `t` confirms; its place in the list."""
    bars = tape.bars
    record = tape.events[state.count]
    record.event = event
    record.event_index = at
    record.confirmed_index = t
    record.structure = state.structure
    record.sub_type = sub_type
    record.replaces = replaces
    record.price_level = abs(price)
    record.volume_ratio = bars[at].rvol
    total = 0.0
    for k in range(TERMS_OF_AN_EVENT):
        known = k < len(terms)
        record.terms[k] = _share(terms[k]) if known else np.nan
        total += record.terms[k] if known else 0.0
    record.confidence = total / len(terms)
    state.count += 1
    return state.count - 1


@njit(cache=True, error_model="numpy")
def _way(tape, side, t):  # type: ignore[no-untyped-def]
    """How far the bar before `t` is from the extreme close of 60 bars, down in the side's mirror, USD."""
    bars = tape.bars
    last = bars[t - 1].close[_LOWS]
    return bars[t].max60 - last if side == _LOWS else last - bars[t].min60


@njit(cache=True, error_model="numpy")
def _trends(tape, side, t):  # type: ignore[no-untyped-def]
    """Whether a trend led down (in the side's mirror) to the bar before `t`."""
    bars, rules = tape.bars, tape.rules
    far, ret = (bars[t].max60, -bars[t - 1].ret20) if side == _LOWS else (bars[t].min60, bars[t - 1].ret20)
    way, atr = _way(tape, side, t), bars[t].atr
    is_far = ret >= rules.trend_return or way / far >= rules.trend_drawdown or way >= rules.trend_far_atr * atr
    return is_far and way >= rules.trend_atr * atr


@njit(cache=True, error_model="numpy")
def _strength(bars, t):  # type: ignore[no-untyped-def]
    """How much wider and heavier than others a bar is."""
    return min(bars[t].tr_z, 6.0) + min(bars[t].vol_z, 10.0)


@njit(cache=True, error_model="numpy")
def _is_turn(tape, side, t):  # type: ignore[no-untyped-def]
    """Whether a bar is wider and heavier than most, at new lows but closing off them, some way down."""
    bars, rules = tape.bars, tape.rules
    is_new = bars[t].low[side] < (bars[t].low20 if side == _LOWS else -bars[t].high60)
    return (
        is_new
        and _strength(bars, t) >= rules.turn_strength
        and bars[t].clv[side] >= rules.climax_close
        and _way(tape, side, t) >= rules.turn_trend_atr * bars[t].atr
    )


@njit(cache=True, error_model="numpy")
def _is_climax(tape, side, t):  # type: ignore[no-untyped-def]
    """Whether a turn is wide and heavy enough, and ends a trend."""
    bars, rules = tape.bars, tape.rules
    is_heavy = bars[t].vol_z >= rules.climax_z or bars[t].rvol >= rules.climax_rvol
    is_strong = _strength(bars, t) >= rules.climax_strength
    return is_heavy and is_strong and bars[t].tr_z >= rules.climax_z and _trends(tape, side, t)


@njit(cache=True, error_model="numpy")
def _forget_side(one):  # type: ignore[no-untyped-def]
    """Nothing of an earlier structure is watched any more; climax and its cooldown are the market's."""
    one.test = one.break_at = one.spring = one.retest = one.thrust = -1
    one.may_test = one.may_break = 1
    one.break_open = one.weakened = one.touches = one.touching = 0


@njit(cache=True, error_model="numpy")
def _end(state):  # type: ignore[no-untyped-def]
    """The structure is over."""
    if state.stage >= _RANGE:
        state.last_height = state.top - state.bottom
    state.stage, state.phase = _NONE, 0


@njit(cache=True, error_model="numpy")
def _lower(state, side):  # type: ignore[no-untyped-def]
    """The border of the range below, in the side's mirror."""
    return state.bottom if side == state.side else -state.top


@njit(cache=True, error_model="numpy")
def _upper(state, side):  # type: ignore[no-untyped-def]
    """The border of the range above, in the side's mirror."""
    return state.top if side == state.side else -state.bottom


@njit(cache=True, error_model="numpy")
def _may_start(tape, state, sides, side, at):  # type: ignore[no-untyped-def]
    """Whether a climax begins a structure: no other is in the way, and the last climax is long ago or undercut."""
    bars, rules = tape.bars, tape.rules
    one, low = sides[side], bars[at].low[side]
    if not _is_climax(tape, side, at):
        return state.stage == _NONE or (state.stage == _CLIMAX and state.weak)
    if state.weak and state.stage == _CLIMAX:
        return True
    is_recent = one.last_climax >= 0 and at - one.last_climax < rules.climax_cooldown
    if is_recent and not _is_further(tape, one, side, at):
        return False
    # A deep false break of a living range is no climax.
    return state.stage != _RANGE or low < _lower(state, side) - rules.break_most * bars[at].atr


@njit(cache=True, error_model="numpy")
def _is_further(tape, one, side, at):  # type: ignore[no-untyped-def]
    """Whether a climax undercuts the last one of its side on enough volume."""
    bars, rules = tape.bars, tape.rules
    last = one.last_climax
    return (
        last >= 0
        and bars[at].low[side] < bars[last].low[side]
        and bars[at].volume >= rules.climax_replace_volume * bars[last].volume
    )


@njit(cache=True, error_model="numpy")
def _is_replaced(tape, one, side, at):  # type: ignore[no-untyped-def]
    """Whether a climax takes the place of the last one of its side."""
    rules = tape.rules
    return at - one.last_climax <= rules.climax_replace_bars and _is_further(tape, one, side, at)


@njit(cache=True, error_model="numpy")
def _write_preliminary(tape, state, side, at, t):  # type: ignore[no-untyped-def]
    """The heaviest bar with a trend before it and a close off its low, shortly before the climax."""
    bars, rules = tape.bars, tape.rules
    best = -1
    for p in range(max(at - rules.preliminary_bars, 1), at - 1):
        is_one = bars[p].rvol >= rules.preliminary_rvol and bars[p].clv[side] >= rules.preliminary_close
        if is_one and (best < 0 or bars[p].rvol > bars[best].rvol) and _trends(tape, side, p):
            best = p
    if best >= 0:
        terms = (bars[best].rvol / 3, bars[best].clv[side])
        _write(tape, state, _PS if side == _LOWS else _PSY, best, t, bars[best].low[side], terms)


@njit(cache=True, error_model="numpy")
def _start(tape, state, sides, side, at, t):  # type: ignore[no-untyped-def]
    """Begin a structure with the turn on bar `at`, or put it in the place of the last one."""
    bars = tape.bars
    if state.stage != _NONE:
        _end(state)
    _forget_side(sides[_LOWS])
    _forget_side(sides[_HIGHS])
    low = bars[at].low[side]
    state.structure += 1
    state.stage, state.phase, state.side, state.weak = _CLIMAX, _A, side, 1
    state.lean = 1 if side == _LOWS else -1
    state.climax, state.climax_low, state.climax_atr = at, low, bars[at].atr
    state.climax_volume, state.climax_tr = bars[at].volume, bars[at].tr
    state.bottom, state.top, state.reaction = low, bars[at + 1].high[side], at + 1
    state.reaction_event, state.tests, state.outside, state.broken_side = -1, 0, 0, -1
    state.upthrusts = 0
    for i in range(at + 2, t):
        if bars[i].high[side] > state.top:
            state.top, state.reaction = bars[i].high[side], i
    if _is_climax(tape, side, at):
        _write_climax(tape, state, sides[side], t)


@njit(cache=True, error_model="numpy")
def _write_climax(tape, state, one, t):  # type: ignore[no-untyped-def]
    """The turn that the structure began with is a climax."""
    bars, rules = tape.bars, tape.rules
    side, at = state.side, state.climax
    replaces = -1
    if _is_replaced(tape, one, side, at):
        replaces = one.climax_event
    else:
        _write_preliminary(tape, state, side, at, t)
    if side == _HIGHS:
        # Its one term, the score, is filled in after the pass.
        one.climax_event = _write(tape, state, _BC, at, t, state.climax_low, (np.nan,), replaces)
    else:
        decline = 1 - state.climax_low / bars[at].max60
        terms = (
            bars[at].tr_z / 4,
            bars[at].vol_z / 4,
            decline / (2 * rules.trend_drawdown),
            bars[at].clv[side],
        )
        one.climax_event = _write(tape, state, _SC, at, t, state.climax_low, terms, replaces)
    one.last_climax, state.weak = at, 0


@njit(cache=True, error_model="numpy")
def _follow_climax(tape, state, sides, side, t):  # type: ignore[no-untyped-def]
    """Watch a climax bar until later bars hold above it, or do not."""
    bars, rules = tape.bars, tape.rules
    one = sides[side]
    at = one.candidate
    if at >= 0:
        slack = rules.sc_slack if side == _LOWS else rules.bc_slack
        longest = rules.sc_confirm_bars if side == _LOWS else rules.bc_confirm_bars
        middle = (bars[at].low[side] + bars[at].high[side]) / 2
        if bars[t].low[side] < bars[at].low[side] - slack * bars[at].atr or t - at > longest:
            one.candidate = -1
        elif side == _LOWS or bars[t].low[side] > bars[at].low[side] or bars[t].close[side] > middle:
            one.candidate = -1
            if (_is_climax(tape, side, at) and _is_replaced(tape, one, side, at)) or _may_start(
                tape, state, sides, side, at
            ):
                _start(tape, state, sides, side, at, t)
    if _is_turn(tape, side, t) and (one.candidate < 0 or bars[t].low[side] < bars[one.candidate].low[side]):
        one.candidate = t


@njit(cache=True, error_model="numpy")
def _follow_reaction(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """Watch the rally after a climax until it pulls back: its top is the other border of the range."""
    bars, rules = tape.bars, tape.rules
    side = state.side
    if t <= state.climax + rules.ar_bars and bars[t].high[side] > state.top:
        state.top, state.reaction = bars[t].high[side], t
    rise = state.top - state.climax_low
    has_turned = t > state.reaction and bars[t].close[side] <= state.top - rules.ar_pullback * bars[t].atr
    if has_turned and rise >= rules.ar_rise * state.climax_atr:
        volume = 0.0
        for i in range(state.climax + 1, state.reaction + 1):
            volume += bars[i].volume / (state.reaction - state.climax)
        terms = (rise / (3 * state.climax_atr), 1 - volume / state.climax_volume)
        event = _AR if side == _LOWS else _AR_TOP
        at = state.reaction
        is_strong = _strength(bars, state.climax) >= rules.late_strength
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
        or bars[t].close[side] < state.climax_low - state.climax_atr
    ):
        _end(state)


@njit(cache=True, error_model="numpy")
def _follow_test(tape, state, one, t):  # type: ignore[no-untyped-def]
    """Watch for quiet lows near the climax from which the price turns."""
    bars, rules = tape.bars, tape.rules
    side = state.side
    atr = bars[t].atr
    zone = max(rules.st_atr * atr, rules.st_share * (state.top - state.bottom))
    is_break = bars[t].low[side] < state.bottom - rules.break_least * atr
    is_quiet = bars[t].volume <= rules.st_volume * state.climax_volume and bars[t].tr < state.climax_tr
    if is_break or (one.test >= 0 and t - one.test > rules.st_confirm_bars):
        one.test = -1
    is_near = bars[t].low[side] <= state.bottom + zone and not is_break
    in_time = t - state.reaction <= rules.st_bars
    if (
        is_near
        and is_quiet
        and in_time
        and one.may_test
        and (one.test < 0 or bars[t].low[side] < bars[one.test].low[side])
    ):
        one.test = t
    elif one.test >= 0 and bars[t].close[side] >= bars[one.test].low[side] + rules.st_bounce * atr:
        at = one.test
        terms = (1 - bars[at].volume / state.climax_volume, 1 - (bars[at].low[side] - state.bottom) / zone)
        if not state.weak:
            _write(tape, state, _ST if side == _LOWS else _ST_TOP, at, t, bars[at].low[side], terms)
        state.tests += 1
        one.test, one.may_test = -1, 0
        if state.phase == _A:
            state.phase = _B


@njit(cache=True, error_model="numpy")
def _follow_break(tape, state, sides, side, t):  # type: ignore[no-untyped-def]
    """Watch a break of the lower border until the close is back inside, or stays out."""
    bars, rules = tape.bars, tape.rules
    one = sides[side]
    border = _lower(state, side)
    if one.break_open:
        if bars[t].low[side] < one.break_low:
            one.break_low, one.break_low_at = bars[t].low[side], t
    elif (
        bars[t].low[side] < border - rules.break_least * bars[t].atr
        and bars[t - 1].close[side] >= border
        and t - state.climax >= rules.break_age
    ):
        one.break_open, one.break_at, one.break_low_at, one.break_low = 1, t, t, bars[t].low[side]
        one.break_atr, one.break_base, one.break_bars, one.break_clv = bars[t].atr, border, -1, np.nan
    if not one.break_open:
        return
    if bars[t].close[side] <= one.break_base:
        if t - one.break_at >= rules.reclaim_bars:
            one.break_open = 0
        return
    one.break_open = 0
    one.break_bars, one.break_clv = t - one.break_at, bars[t].clv[side]
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
    elif bars[one.break_low_at].volume < state.climax_volume:
        _write_upthrust(tape, state, one, t)


@njit(cache=True, error_model="numpy")
def _write_spring(tape, state, one, t):  # type: ignore[no-untyped-def]
    """The close is back above the support. The terms are those of the spring score and are filled in with it."""
    bars, rules = tape.bars, tape.rules
    sub_type = 0
    if bars[one.break_at].rvol < rules.lowvol_rvol:
        sub_type = _LOWVOL
    elif bars[one.break_at].vol_z >= rules.shakeout_z:
        sub_type = _SHAKEOUT
    terms = (np.nan, np.nan, np.nan, np.nan)
    _write(tape, state, _SPRING, one.break_low_at, t, one.break_low, terms, -1, sub_type)
    one.spring, one.spring_low, one.spring_peak, one.retest = t, one.break_low, bars[t].high[_LOWS], -1
    one.may_break = one.may_test = 0
    state.phase, state.lean = _C, 1


@njit(cache=True, error_model="numpy")
def _write_upthrust(tape, state, one, t):  # type: ignore[no-untyped-def]
    """The close is back below the top of a distribution."""
    bars, rules = tape.bars, tape.rules
    at = one.break_low_at
    is_late = one.break_at - state.climax >= rules.upthrust_age and one.weakened == 1
    terms = (
        (one.break_base - one.break_low) / one.break_atr,
        1 - one.break_bars / (rules.reclaim_bars + 1),
        1 - bars[at].volume / state.climax_volume,
        one.break_clv,
    )
    _write(tape, state, _UTAD if is_late else _UT, at, t, one.break_low, terms)
    one.may_break = one.may_test = 0
    state.lean = -1
    state.upthrusts += 1
    if is_late:
        state.phase = _C


@njit(cache=True, error_model="numpy")
def _follow_retest(tape, state, one, t):  # type: ignore[no-untyped-def]
    """Watch for a quiet fall back towards a spring, after a rally from it, and the up close that ends it."""
    bars, rules = tape.bars, tape.rules
    atr = bars[t].atr
    if one.spring < 0 or t == one.spring:
        return
    if bars[t].low[_LOWS] < one.spring_low or t - one.spring > rules.test_bars:
        one.spring = one.retest = -1
        return
    if one.retest < 0 or bars[t].low[_LOWS] < bars[one.retest].low[_LOWS]:
        rally = one.spring_peak - one.spring_low
        is_back = rally >= rules.test_rally * atr and bars[t].low[_LOWS] <= one.spring_peak - rules.test_retrace * rally
        if is_back and bars[t].rvol <= rules.test_rvol and bars[t].tr <= rules.test_tr * atr:
            one.retest = t
            return
    if (
        one.retest >= 0
        and bars[t].close[_LOWS] > bars[t - 1].close[_LOWS]
        and t - one.retest <= rules.test_confirm_bars
    ):
        at = one.retest
        terms = (1 - bars[at].rvol / 2, 1 - bars[at].tr / (2 * bars[at].atr))
        _write(tape, state, _TEST, at, t, bars[at].low[_LOWS], terms)
        one.spring = one.retest = -1
    one.spring_peak = max(one.spring_peak, bars[t].high[_LOWS])


@njit(cache=True, error_model="numpy")
def _follow_thrust(tape, state, sides, side, t):  # type: ignore[no-untyped-def]
    """Watch a wide, heavy close above the upper border until it holds, or does not."""
    bars, rules = tape.bars, tape.rules
    one = sides[side]
    border, atr = _upper(state, side), bars[t].atr
    at = one.thrust
    if at >= 0:
        if side == _LOWS:
            holds = t - at >= rules.sos_hold_bars
        else:
            holds = bars[t].close[side] > border
        if bars[t].close[side] <= border - rules.thrust_slack * atr or (
            side == _HIGHS and t - at > rules.sow_confirm_bars
        ):
            one.thrust = -1
        elif holds:
            terms = (bars[at].tr_z / 3, bars[at].rvol / 3, bars[at].clv[side])
            _write(tape, state, _SOS if side == _LOWS else _SOW, at, t, bars[at].close[side], terms)
            one.thrust = -1
            state.stage, state.broken_side, state.broken_at = _BROKEN, side, at
            state.phase, state.lean = _D, 1 if side == _LOWS else -1
            one.pullback_peak = bars[at].high[side]
            for i in range(at + 1, t + 1):
                one.pullback_peak = max(one.pullback_peak, bars[i].high[side])
            return
    if one.thrust < 0:
        beyond = rules.sos_beyond if side == _LOWS else rules.sow_beyond
        least = rules.sos_rvol if side == _LOWS else rules.sow_rvol
        is_ripe = state.tests > 0 or one.break_at >= 0 or t - state.climax >= rules.thrust_age
        if state.weak and state.tests < rules.turn_tests:
            is_ripe = False
        if (
            is_ripe
            and bars[t].close[side] > border + beyond * atr
            and bars[t].tr_z >= rules.thrust_z
            and bars[t].rvol >= least
            and bars[t].clv[side] >= rules.thrust_close
        ):
            one.thrust = t


@njit(cache=True, error_model="numpy")
def _follow_pullback(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """After the break: quiet pullbacks that hold the far half of the range, the trend, or the break's failure."""
    bars, rules = tape.bars, tape.rules
    side = state.broken_side
    one = sides[side]
    lower, upper, at = _lower(state, side), _upper(state, side), t - rules.pivot_wing
    middle = (lower + upper) / 2
    if bars[t].close[side] < upper - rules.failed_share * (upper - lower):
        state.stage, state.phase, state.broken_side, state.outside = _RANGE, _B, -1, 0
        return
    if t - state.broken_at > rules.broken_bars:
        _end(state)
        return
    is_pivot = at > state.broken_at and bars[t].is_turn[side] > 0
    atr = bars[at].atr
    is_pullback = is_pivot and one.pullback_peak - bars[at].low[side] >= rules.pullback_atr * atr
    is_near = middle <= bars[at].low[side] <= upper + rules.pullback_far_atr * atr
    if is_pullback and is_near and bars[at].rvol <= rules.pullback_rvol:
        event = _LPSY
        if side == _LOWS:
            event = _BU if bars[at].low[side] >= upper - rules.backup_atr * atr else _LPS
        terms = (1 - bars[at].rvol / 2, (bars[at].low[side] - lower) / (upper - lower))
        _write(tape, state, event, at, t, bars[at].low[side], terms)
        one.pullback_peak = bars[at].high[side]
    one.pullback_peak = max(one.pullback_peak, bars[at].high[side] if at > state.broken_at else -np.inf)
    if bars[t].close[side] > upper + rules.leave_atr * bars[t].atr:
        state.phase = _E


@njit(cache=True, error_model="numpy")
def _follow_borders(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """Count touches of both borders, see a minor weakness, and end a range that the price has left."""
    bars, rules = tape.bars, tape.rules
    atr = bars[t].atr
    outside = 0
    for side in range(2):
        one, low, close, lower = sides[side], bars[t].low[side], bars[t].close[side], _lower(state, side)
        if low <= lower + rules.touch_atr * atr:
            one.touches += 1 - one.touching
            one.touching = 1
        if bars[t].high[side] >= lower + rules.rearm_share * (state.top - state.bottom):
            one.may_test = one.may_break = 1
        if low > lower + 2 * rules.touch_atr * atr:
            one.touching = 0
        if close < lower:
            outside = 1 if side == _LOWS else -1
            if close < lower - rules.exit_atr * atr:
                outside *= rules.exit_bars
    if state.side == _HIGHS and bars[t].close[_HIGHS] > state.bottom + rules.minor_share * (state.top - state.bottom):
        sides[_HIGHS].weakened = 1
    state.outside = state.outside + outside if outside * state.outside >= 0 and outside != 0 else outside
    if (
        abs(state.outside) >= rules.exit_bars and sides[_LOWS].thrust < 0 and sides[_HIGHS].thrust < 0
    ) or t - state.climax > rules.range_bars:
        _end(state)


@njit(cache=True, error_model="numpy")
def _step(tape, state, sides, t):  # type: ignore[no-untyped-def]
    """Everything that bar `t` confirms or begins."""
    bars, rules = tape.bars, tape.rules
    if state.stage == _CLIMAX:
        _follow_reaction(tape, state, sides, t)
    elif state.stage == _RANGE:
        one = sides[state.side]
        beyond = (bars[t].high[state.side] - state.top) / bars[t].atr
        if beyond >= rules.ar_beyond and state.tests == 0 and t <= state.climax + rules.ar_bars:
            # The reaction was not over.
            state.stage, state.top, state.reaction = _CLIMAX, bars[t].high[state.side], t
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


@njit(cache=True, error_model="numpy")
def _regime(tape, state, t):  # type: ignore[no-untyped-def]
    """What the symbol does: by its structure, or without one by the 50-bar mean and its direction."""
    bars, rules = tape.bars, tape.rules
    before = t - rules.trend_bars
    close, mean = bars[t].close[_LOWS], bars[t].sma50
    if state.stage == _BROKEN and state.phase == _E:
        regime = _MARKUP if state.broken_side == _LOWS else _MARKDOWN
    elif state.stage != _NONE and state.weak:
        regime = _SIDEWAYS
    elif state.stage != _NONE:
        regime = _ACCUM if state.lean > 0 else _DIST
    elif before < 0 or np.isnan(bars[before].sma50):
        regime = _UNKNOWN
    elif close > mean > bars[before].sma50:
        regime = _MARKUP
    elif close < mean < bars[before].sma50:
        regime = _MARKDOWN
    else:
        regime = _SIDEWAYS
    return regime


@njit(cache=True, error_model="numpy")
def _write_row(tape, state, sides, t, row):  # type: ignore[no-untyped-def]
    """What is known after bar `t`."""
    bars, rules = tape.bars, tape.rules
    row.regime, row.last_height = _regime(tape, state, t), state.last_height
    row.support = row.resistance = np.nan
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
    if low.break_at >= 0 and t - low.break_at <= rules.test_bars:
        row.break_index, row.break_bars = low.break_at, low.break_bars
        row.break_depth_atr = (low.break_base - low.break_low) / low.break_atr
        row.break_depth_share = (low.break_base - low.break_low) / low.break_base
        row.break_rvol, row.break_clv = bars[low.break_at].rvol, low.break_clv


@njit(cache=True, error_model="numpy")
def _lay_out(bars, features, tape):  # type: ignore[no-untyped-def]
    """Put what the rules look at side by side, as it is and upside down."""
    for t in range(len(tape)):
        one = tape[t]
        one.low[_LOWS], one.high[_LOWS], one.close[_LOWS] = bars.low[t], bars.high[t], bars.close[t]
        one.low[_HIGHS], one.high[_HIGHS], one.close[_HIGHS] = -bars.high[t], -bars.low[t], -bars.close[t]
        one.clv[_LOWS], one.clv[_HIGHS] = features.clv[t], 1 - features.clv[t]
        one.volume, one.tr, one.atr, one.rvol = bars.volume[t], features.tr[t], features.atr[t], features.rvol[t]
        one.tr_z, one.vol_z, one.ret20, one.sma50 = (
            features.tr_z[t],
            features.vol_z[t],
            features.ret20[t],
            features.sma50[t],
        )
        one.low20, one.high60, one.max60, one.min60 = (
            features.low20[t],
            features.high60[t],
            features.max60[t],
            features.min60[t],
        )
        one.is_turn[_LOWS], one.is_turn[_HIGHS] = features.is_bottom[t], features.is_top[t]


@njit(cache=True, error_model="numpy")
def _run(tape, rows, state, sides):  # type: ignore[no-untyped-def]
    """Pass over the bars once; number of events."""
    one = state[0]
    one.side = one.lean = one.structure = one.count = one.stage = one.phase = one.weak = 0
    one.last_height = np.nan
    for side in range(2):
        _forget_side(sides[side])
        sides[side].candidate = sides[side].last_climax = -1
    for t in range(len(rows)):
        # No feature is known before, and the rules look some bars back.
        if not np.isnan(tape.bars[t].tr_z):
            _step(tape, one, sides, t)
        _write_row(tape, one, sides, t, rows[t])
    return one.count


def replay(bars: Bars, rules: Detection) -> Replay:
    """Read a symbol from its first bar to its last.

    Args:
        bars: sound bars, see `reading.is_sound`.
        rules: the thresholds.

    Returns:
        Events and rows; those of the first n bars are the same whatever follows.
    """
    count = len(bars.close)
    features = compute(bars, rules.pivot_wing)
    events, rows = records(EVENT, count * _EVENTS_A_BAR), records(ROW, count)
    tape = _Tape(records(BAR, count), _as_record(rules)[0], events)
    _lay_out(bars, features, tape.bars)
    written = events[: _run(tape, rows, records(STATE, 1), records(SIDE, 2))]
    _grade_climaxes(written, bars, features)
    _grade_springs(written, rows)
    return Replay(written, rows, features)


@lru_cache
def _as_record(rules: Detection) -> Any:
    """The thresholds as the kernel reads them: a tuple of that many numbers is slow to hand on."""
    return np.array([tuple(rules)], dtype_of(Detection)).view(np.recarray)


def _grade_climaxes(events: Any, bars: Bars, features: Features) -> None:
    """The confidence of a buying climax is its score on the bar it fell on."""
    found = np.flatnonzero(events.event == _BC)
    if len(found):
        score = bc_score(climax_signals(bars, features)).scaled[events.event_index[found]]
        events.confidence[found] = events.terms[found, 0] = score / BC_MOST


def _grade_springs(events: Any, rows: Any) -> None:
    """The terms of a spring are the points of its score when it was confirmed."""
    found = np.flatnonzero(events.event == _SPRING)
    if len(found):
        row = rows[events.confirmed_index[found]]
        score = spring_score(row.break_depth_atr, row.break_depth_share, row.break_bars, row.break_rvol, row.break_clv)
        events.terms[found] = np.nan_to_num(np.stack(list(score.points.values()), axis=1)) / SPRING_POINTS
        events.confidence[found] = score.scaled / SPRING_MOST
