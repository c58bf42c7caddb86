"""Why a column of an outcome, a review or a calibration is unknown."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes: the name is the code, the value says it to a reader."""

    NOT_ENTERED = "the idea was never entered"
    INSIDE_BAND = "the move was inside the neutral band fixed at issue"
    NO_DIRECTION = "a neutral forecast has no direction to move in"
    NO_MOVE = "the price moved neither way while it was held"
    NO_LEGS = "it had no contracts"
    NO_CHAIN = "no chain of the session is stored"
    CONTRACT_GONE = "a contract is not in the session's chain"
    NO_PRICE = "a contract has no sane quote, no last trade and no trade of the session in the chain"
    NO_CLOSE = "the underlying has no bar on the last session of a contract"
    SPLIT = "the underlying was split in between, and the exchange replaced the contracts"
    NO_RISK = "the most that could be lost is not known"
    NO_BAR = "the name has no bar in the session"
    NO_STOP = "it was issued without a stop"
    FEW_OUTCOMES = "fewer scored outcomes of the provider than a calibration needs"
