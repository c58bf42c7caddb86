"""The words of the method: events, regimes, phases, and which event follows which. No rule and no threshold.

Members with a number are what the compiled kernel stores; a number is never given to another word, because kernels
are cached on disk with the numbers inside them.
"""

from enum import IntEnum, StrEnum


class Event(IntEnum):
    """The seventeen events."""

    PS = 0
    SC = 1
    AR = 2
    ST = 3
    SPRING = 4
    TEST = 5
    SOS = 6
    LPS = 7
    BU = 8
    PSY = 9
    BC = 10
    AR_TOP = 11
    ST_TOP = 12
    UT = 13
    UTAD = 14
    SOW = 15
    LPSY = 16


class SubType(IntEnum):
    """Kinds of a false break, by the volume of the bar that breaks."""

    NONE = 0
    LOWVOL = 1
    SHAKEOUT = 2


class Regime(IntEnum):
    """What the market of a symbol does; UNKNOWN while there are too few bars."""

    UNKNOWN = 0
    ACCUM = 1
    MARKUP = 2
    DIST = 3
    MARKDOWN = 4
    RANGE = 5


class Phase(IntEnum):
    """How far a trading range has come; NONE outside of one."""

    NONE = 0
    A = 1
    B = 2
    C = 3
    D = 4
    E = 5


class Reason(StrEnum):
    """Why something is unknown: the name is the code, the value says it to a reader."""

    SHORT_HISTORY = "too few bars of history"
    NO_RANGE = "no trading range"
    NO_CLIMAX = "no climax with a trend into it"
    NO_VOLATILITY = "the volatility of the bars is unknown or zero"
    NO_VOLUME = "no volume on one of the two sides"
    TOO_FEW_PIVOTS = "fewer than two turns to compare"
    NO_MARKET = "no bars of the market index"
    NO_RISK = "the price is not on the safe side of the stop"
    FEW_SIGNALS = "too few signals are known for a scaled score"
    NOT_MEASURED = "nothing to measure it from in the session, or its windows are not full"
    NOT_RANKED = "too short a past, and too few other names in the session"
    NO_SENTIMENT = "neither two option components nor both price components are ranked"


MAIN_EVENTS = (Event.SC, Event.AR, Event.ST, Event.SPRING, Event.TEST, Event.SOS, Event.BC, Event.SOW)
"""The eight of architecture v2.0 §5.4."""

DESCRIPTIONS = {
    Event.PS: "Preliminary support: volume meets a decline before its climax",
    Event.SC: "Selling climax: panic volume on a wide bar at new lows",
    Event.AR: "Automatic rally: the bounce that sets the top of the range",
    Event.ST: "Secondary test: the low is tested on less volume",
    Event.SPRING: "False breakdown with quick recovery",
    Event.TEST: "Low volume retest of spring area",
    Event.SOS: "Sign of strength: a wide, heavy bar out of the top of the range that holds",
    Event.LPS: "Last point of support: a quiet pullback that holds the upper half",
    Event.BU: "Back-up: a quiet return to the old resistance",
    Event.PSY: "Preliminary supply: volume meets a rise before its climax",
    Event.BC: "Buying climax: euphoric volume on a wide bar at new highs",
    Event.AR_TOP: "Automatic reaction: the fall that sets the bottom of the range",
    Event.ST_TOP: "Secondary test of the high on less volume",
    Event.UT: "Upthrust: a break of the top that fails",
    Event.UTAD: "Upthrust after distribution: the late false breakout",
    Event.SOW: "Sign of weakness: a wide, heavy bar out of the bottom of the range that holds",
    Event.LPSY: "Last point of supply: a quiet rally that fails in the lower half",
}

ACCUMULATION = (Event.SC, Event.AR, Event.ST, Event.SPRING, Event.TEST, Event.SOS, Event.LPS, Event.BU)
"""The sequence of an accumulation. Preliminary support is no step of it: it is only known after the climax."""

DISTRIBUTION = (Event.BC, Event.AR_TOP, Event.ST_TOP, Event.UT, Event.UTAD, Event.SOW, Event.LPSY)
"""The sequence of a distribution."""

FOLLOWERS: dict[Event, tuple[Event, ...]] = {
    Event.PS: (Event.SC,),
    Event.SC: (Event.AR,),
    Event.AR: (Event.ST,),
    Event.ST: (Event.SPRING, Event.SOS),
    Event.SPRING: (Event.TEST, Event.SOS),
    Event.TEST: (Event.SOS,),
    Event.SOS: (Event.LPS, Event.BU),
    Event.LPS: (Event.BU,),
    Event.BU: (),
    Event.PSY: (Event.BC,),
    Event.BC: (Event.AR_TOP,),
    Event.AR_TOP: (Event.ST_TOP, Event.UT),
    Event.ST_TOP: (Event.UTAD, Event.SOW),
    Event.UT: (Event.UTAD, Event.SOW),
    Event.UTAD: (Event.SOW,),
    Event.SOW: (Event.LPSY,),
    Event.LPSY: (),
}
"""What the method expects next."""

TERMS = {
    Event.PS: ("volume", "close"),
    Event.SC: ("range", "volume", "decline", "close"),
    Event.AR: ("rise", "volume_falling"),
    Event.ST: ("volume", "distance"),
    Event.SPRING: ("support_break", "recovery", "low_volume", "bullish_close"),
    Event.TEST: ("volume", "range"),
    Event.SOS: ("range", "volume", "close"),
    Event.LPS: ("volume", "level"),
    Event.BU: ("volume", "level"),
    Event.PSY: ("volume", "close"),
    Event.BC: ("bc_score",),
    Event.AR_TOP: ("fall", "volume_falling"),
    Event.ST_TOP: ("volume", "distance"),
    Event.UT: ("break", "recovery", "volume", "close"),
    Event.UTAD: ("break", "recovery", "volume", "close"),
    Event.SOW: ("range", "volume", "close"),
    Event.LPSY: ("volume", "level"),
}
"""Terms of each event's confidence, each in [0, 1]; the confidence is their mean."""
