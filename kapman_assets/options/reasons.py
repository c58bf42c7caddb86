"""Why a metric is unknown: the name is the code, the value says it to a reader."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes of the options domain."""

    NO_SPOT = "no positive price of the underlying"
    NO_CONTRACTS = "no standard, unexpired contract"
    NO_OPEN_INTEREST = "open interest is zero or unknown everywhere"
    NO_CALL_OPEN_INTEREST = "open interest of calls is zero or unknown"
    NO_PUT_OPEN_INTEREST = "open interest of puts is unknown"
    NO_VOLUME = "volume is unknown everywhere"
    NO_CALL_VOLUME = "volume of calls is zero or unknown"
    NO_PUT_VOLUME = "volume of puts is unknown"
    TOO_FEW_CONTRACTS = "fewer contracts with open interest and gamma than the least that counts"
    FEW_CONTRACTS = "fewer contracts with open interest and gamma than a full chain has"
    LOW_COVERAGE = "too much open interest is without gamma"
    CHAIN_INCOMPLETE = "the chain is incomplete"
    CHAIN_STALE = "the chain is older than one session"
    NO_IV = "no usable implied volatility"
    NO_CROSSING = "net gamma keeps its sign in the whole range"
    NO_PROFILE = "the gamma profile is zero or unknown in the whole range"
    NO_GROSS_EXPOSURE = "gross gamma exposure is zero"
    NO_STRIKE_IN_RANGE = "no strike with exposure near enough to the spot"
    ONE_SIDED = "no expiry has open interest in both calls and puts"
    NO_ADV = "average dollar volume is unknown"
    NO_BRACKET = "no two expiries around the maturity"
    NO_DELTA_BRACKET = "no expiry near 30 days with quotes around 25 delta on both sides"
    SHORT_HISTORY = "too few sessions of history"
    FLAT_HISTORY = "all values of the history are equal"
    GAP_IN_BARS = "a bar of the window is missing or not positive"
    NO_HV = "historical volatility is unknown"
