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
        failed_share: share of the range, from the border that was broken, that a close must give back for the break to
            have failed.
        leave_atr: distance beyond the border from which the trend phase has begun, ATR.
        upthrust_age: bars from the climax before which an upthrust is not one after distribution.
        minor_share: how much of a distribution's height a close must give back to count as a minor sign of weakness.
        touch_atr: nearness to a border that counts as a touch, ATR.
        trend_bars: bars over which the 50-bar mean must rise or fall to be a trend where there is no range.
        exit_atr, exit_bars: distance beyond a border, or closes in a row beyond it, that end a range without a sign.
        range_bars: bars after which a range is over in any case.
    """

    trend_return: float = 0.08
    trend_drawdown: float = 0.15
    trend_far_atr: float = 7.0
    trend_atr: float = 5.25
    climax_z: float = 1.0
    climax_rvol: float = 2.5
    climax_strength: float = 7.0
    turn_trend_atr: float = 4.0
    turn_strength: float = 2.5
    late_strength: float = 6.0
    late_rise: float = 6.0
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
    preliminary_rvol: float = 1.45
    preliminary_close: float = 0.3
    ar_bars: int = 20
    ar_rise: float = 4.0
    ar_pullback: float = 1.0
    ar_beyond: float = 0.5
    st_bars: int = 90
    st_atr: float = 0.5
    st_share: float = 0.2
    st_volume: float = 0.6
    st_bounce: float = 1.0
    st_confirm_bars: int = 7
    rearm_share: float = 0.5
    break_age: int = 15
    break_least: float = 0.1
    break_depth: float = 0.35
    break_depth_a_bar: float = 0.3
    break_most: float = 2.5
    break_share: float = 0.08
    reclaim_bars: int = 3
    lowvol_rvol: float = 1.0
    shakeout_z: float = 0.8
    test_bars: int = 15
    test_rally: float = 3.0
    test_retrace: float = 0.4
    test_rvol: float = 1.2
    test_tr: float = 1.5
    test_confirm_bars: int = 5
    thrust_age: int = 15
    sos_beyond: float = 0.0
    sow_beyond: float = 0.1
    thrust_z: float = 0.0
    sos_rvol: float = 1.3
    sow_rvol: float = 1.2
    thrust_close: float = 0.5
    thrust_slack: float = 1.0
    sos_hold_bars: int = 2
    sow_confirm_bars: int = 3
    pivot_wing: int = 3
    pullback_atr: float = 1.5
    pullback_rvol: float = 1.4
    pullback_far_atr: float = 2.0
    backup_atr: float = 1.0
    broken_bars: int = 40
    failed_share: float = 0.7
    leave_atr: float = 2.0
    upthrust_age: int = 25
    minor_share: float = 0.9
    touch_atr: float = 0.5
    trend_bars: int = 10
    exit_atr: float = 2.0
    exit_bars: int = 10
    range_bars: int = 250


@dataclass(frozen=True)
class CompositeWeights:
    """Weights of the parts of the composite score.

    Attributes:
        events: what the active events of the structure speak for.
        spring: a fresh spring's score.
        climax: the buying climax score, against.
        checklist: buying tests passed less selling tests passed.
    """

    events: float = 0.4
    spring: float = 0.2
    climax: float = 0.2
    checklist: float = 0.2


@dataclass(frozen=True)
class ChecklistRules:
    """Thresholds of the nine tests.

    Attributes:
        objective_bars, objective_least_bars: bars that the extreme is looked for in, and least that must be there.
        objective_atr: way that accomplishes the objective without a completed range, ATR.
        activity_ratio: volume in favour over volume against, at least.
        stride_bars: bars before the climax that the line is drawn through.
        stride_hold: closes beyond the line that break it.
        relative_bars: sessions of the comparison with the market.
        base_bars, base_touches: least age of a base, and touches of each side.
        reward_ratio: potential over risk, at least.
    """

    objective_bars: int = 250
    objective_least_bars: int = 60
    objective_atr: float = 8.0
    activity_ratio: float = 1.1
    stride_bars: int = 60
    stride_hold: int = 3
    relative_bars: int = 60
    base_bars: int = 20
    base_touches: int = 2
    reward_ratio: float = 3.0


@dataclass(frozen=True)
class SignalRules:
    """Limits of the trade meaning.

    Attributes:
        bc_critical, bc_caution: buying climax scores of an exit and of a warning.
        bc_no_entry: score from which a spring's score is no signal, and what is entered is weak.
        spring_setup: spring score of an entry setup.
        fresh_sessions: sessions since its confirmation in which an event is more than a weak signal.
        least_signals: signals of the climax score that must be known for a scaled score.
    """

    bc_critical: float = 24.0
    bc_caution: float = 20.0
    bc_no_entry: float = 12.0
    spring_setup: float = 9.0
    fresh_sessions: int = 10
    least_signals: int = 5


@dataclass(frozen=True)
class SentimentRules:
    """What the sentiment proxy is ranked in.

    Attributes:
        history: sessions before that a component is ranked in.
        least_history: known ones of them below which it is ranked among the names of the session.
        least_names: names with a value in the session below which it is not ranked at all.
        option_components: known option components of three below which prices and volume stand in for them.
    """

    history: int = 252
    least_history: int = 60
    least_names: int = 10
    option_components: int = 2


@dataclass(frozen=True)
class Parameters:
    """Everything that a reading depends on beside its bars.

    Attributes:
        version: name of this set; a changed set gets another. The number before the point is that of `detection`, which
            the benchmark measures; the one after it, of the rest.
        replay_bars: length of the window, ending on the session, that every reading is made from. Older bars never
            matter, so that a session reads the same however much history is stored.
        detection: thresholds of the state machine.
        composite: weights of the composite score.
        checklist: thresholds of the nine tests.
        signals: limits of the trade meaning.
        sentiment: what the sentiment proxy is ranked in.
    """

    version: str = "wyckoff-2.1"
    replay_bars: int = 500
    detection: Detection = Detection()  # noqa: RUF009 - a tuple of numbers
    composite: CompositeWeights = field(default_factory=CompositeWeights)
    checklist: ChecklistRules = field(default_factory=ChecklistRules)
    signals: SignalRules = field(default_factory=SignalRules)
    sentiment: SentimentRules = field(default_factory=SentimentRules)

    def to_json(self) -> str:
        """The parameters as a JSON object, one object a part."""
        parts = asdict(self) | {"detection": self.detection._asdict()}
        return json.dumps(parts, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parameters from `to_json`; what is not named keeps its default.

        Raises:
            ConfigurationError: a name that there is not, or a value of another type.
        """
        return cls(**_checked(cls, json.loads(text), "parameters"))


def _checked(kind: type, values: Any, where: str) -> dict[str, Any]:
    """Values by field, each of its declared type; parts are built."""
    types = get_type_hints(kind)
    if not isinstance(values, dict):
        raise ConfigurationError(f"Wyckoff {where}: expected an object, found {values!r}")
    if unknown := values.keys() - types.keys():
        raise ConfigurationError(f"Wyckoff {where}: no parameter is called {', '.join(sorted(unknown))}")
    checked = {}
    for name, value in values.items():
        wanted = types[name]
        if wanted not in {str, int, float}:
            checked[name] = wanted(**_checked(wanted, value, f"{where}.{name}"))
        elif isinstance(value, bool) or not isinstance(value, (int, float) if wanted is float else wanted):
            raise ConfigurationError(f"Wyckoff {where}.{name}: expected {wanted.__name__}, found {value!r}")
        else:
            checked[name] = wanted(value)
    return checked
