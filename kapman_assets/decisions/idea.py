"""A trade idea as an advisor states it: the shape of an answer. Whether it is true is the business of `validation`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Action = Literal["OPEN", "FORECAST", "EXIT", "CAUTION"]
Direction = Literal["LONG", "SHORT", "NEUTRAL"]
Strategy = Literal["LONG_CALL", "LONG_PUT", "CSP", "VERTICAL_SPREAD"]
Side = Literal["BUY", "SELL"]


class Leg(BaseModel):
    """A contract to buy or sell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Annotated[str, Field(description="contract ticker, copied from the facts' contracts")]
    side: Side
    quantity: Annotated[int, Field(description="contracts a unit; 1 unless a ratio is meant")] = 1


class Idea(BaseModel):
    """What an advisor says of a name. It always commits to a forecast: there is no way to pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Annotated[
        Action,
        Field(
            description="OPEN: a trade with legs; FORECAST: a direction without a trade worth taking; "
            "EXIT: close every position in the name; CAUTION: open none, tighten stops"
        ),
    ]
    direction: Annotated[Direction, Field(description="what the confidence is of, over the facts' horizon")]
    strategy: Annotated[Strategy | None, Field(description="null unless action is OPEN")] = None
    legs: Annotated[tuple[Leg, ...], Field(description="empty unless action is OPEN")] = ()
    stop_loss: Annotated[float | None, Field(description="USD a share of the underlying")] = None
    profit_target: Annotated[float | None, Field(description="USD a share of the underlying")] = None
    confidence: Annotated[float, Field(description="probability that the direction is right, between 0 and 1")]
    justification: Annotated[str, Field(description="two to five sentences; every number in it is one of the facts")]
