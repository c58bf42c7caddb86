"""How extreme the mood about a name is, read from its own market: the seventh signal of the buying climax score.

A proxy, not a measure of what media or people say. Components are ranked against their own past, or against the other
names of the session where there is too little of it, and the ranks are averaged. Points are given in `scores`; what is
read from where is in `sentiment_store`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from kapman_assets.options.price import relative_volume
from kapman_assets.wyckoff.features import Bars, Floats, compute
from kapman_assets.wyckoff.parameters import SentimentRules
from kapman_assets.wyckoff.vocabulary import Reason

Bools = npt.NDArray[np.bool_]

OPTION_COMPONENTS = ("put_call", "call_volume", "call_skew")
PRICE_COMPONENTS = ("extension", "volume")

PRICE_BARS = 50
"""Bars that a price component looks at, its own included."""

_DIGITS = 9
"""Decimals of a component: later splits cancel in it but for rounding, which must not decide between equal values."""


class Proxy(StrEnum):
    """What the percentile rests on."""

    OPTIONS = "options"
    PRICE_ONLY = "price_only"


class Against(StrEnum):
    """What a component was ranked against: its own past, or the other names of its session."""

    HISTORY = "history"
    NAMES = "names"


@dataclass(frozen=True)
class Sentiments:
    """The proxy of some names on some sessions, arrays of names x sessions.

    Attributes:
        percentile: mean of the ranks, 0 to 1, higher is more euphoric; NaN where unknown.
        is_price_only: where it rests on prices and volume, no two option components being known.
        is_measured: by component, where there is a value of the session.
        ranks: by component, its percentile, 0 to 1; NaN where unknown.
        is_among_names: by component, where it was ranked among names for want of a past.
    """

    percentile: Floats
    is_price_only: Bools
    is_measured: Mapping[str, Bools]
    ranks: Mapping[str, Floats]
    is_among_names: Mapping[str, Bools]

    def describe(self, name: int, session: int) -> dict[str, Any]:
        """What one percentile was made of, as a JSON object: `proxy`, `percentile`, `reason`, `components`."""
        at = name, session
        is_known = not np.isnan(self.percentile[at])
        proxy = Proxy.PRICE_ONLY if self.is_price_only[at] else Proxy.OPTIONS
        return {
            "proxy": proxy.value if is_known else None,
            "percentile": round(float(self.percentile[at]), 4) if is_known else None,
            "reason": None if is_known else Reason.NO_SENTIMENT.name,
            "components": {component: self._component(component, at) for component in self.ranks},
        }

    def _component(self, component: str, at: tuple[int, int]) -> dict[str, float | str | None]:
        rank = float(self.ranks[component][at])
        if np.isnan(rank):
            reason = Reason.NOT_RANKED if self.is_measured[component][at] else Reason.NOT_MEASURED
            return {"percentile": None, "reason": reason.name}
        against = Against.NAMES if self.is_among_names[component][at] else Against.HISTORY
        return {"percentile": round(rank, 4), "against": against.value}


def option_components(put_call_ratio: Floats, call_volume: Floats, skew: Floats) -> dict[str, Floats]:
    """What the chains of each session say, higher being more euphoric.

    Args:
        put_call_ratio: puts over calls by volume, names x sessions; NaN where there is no whole chain.
        call_volume: calls traded, comparable over splits, likewise.
        skew: 25-delta put less call volatility at 30 days, vol points, likewise.

    Returns:
        `put_call`: the ratio, negative; `call_volume`: over its mean of 20 sessions before; `call_skew`: call less put.
    """
    values = {"put_call": -put_call_ratio, "call_volume": relative_volume(call_volume), "call_skew": -skew}
    return {component: array.round(_DIGITS) for component, array in values.items()}


def price_components(bars: Bars, pivot_wing: int) -> dict[str, Floats]:
    """What the bars of one name say, one value a bar; NaN until the windows are full.

    Args:
        bars: sound bars, comparable over splits.
        pivot_wing: see `features.compute`.

    Returns:
        `extension`: distance of the close from its 50-bar mean, ATR of the 20 bars before; `volume`: RVOL.
    """
    features = compute(bars, pivot_wing)
    with np.errstate(divide="ignore", invalid="ignore"):
        extension = np.where(features.atr > 0, (bars.close - features.sma50) / features.atr, np.nan)
    return {"extension": extension.round(_DIGITS), "volume": features.rvol.round(_DIGITS)}


def sentiments(components: Mapping[str, Floats], is_watched: Bools, last: int, rules: SentimentRules) -> Sentiments:
    """Rank and combine: the mean of the option ranks where enough are known, else of both price ranks.

    Args:
        components: of `option_components` and `price_components`, names x sessions, oldest first; NaN where unknown.
        is_watched: which names prices are ranked among. Chains are of watched names alone.
        last: of how many sessions at the end.
        rules: how much of a past, how many names and how many components are needed.
    """
    ranks, among_names = {}, {}
    for component, values in components.items():
        peers = is_watched if component in PRICE_COMPONENTS else np.ones_like(is_watched)
        own = _in_history(values, last, rules)
        others = _among_names(values[:, values.shape[1] - last :], peers, rules)
        among_names[component] = np.isnan(own) & ~np.isnan(others)
        ranks[component] = np.where(np.isnan(own), others, own)
    options, known = _mean([ranks[component] for component in OPTION_COMPONENTS])
    prices, both = _mean([ranks[component] for component in PRICE_COMPONENTS])
    is_price_only = known < rules.option_components
    fallback = np.where(both == len(PRICE_COMPONENTS), prices, np.nan)
    return Sentiments(
        # The mean of three tenths is a tenth: a rung is not missed by a rounding.
        percentile=np.where(is_price_only, fallback, options).round(12),
        is_price_only=is_price_only,
        is_measured={name: ~np.isnan(values[:, values.shape[1] - last :]) for name, values in components.items()},
        ranks=ranks,
        is_among_names=among_names,
    )


def _in_history(values: Floats, last: int, rules: SentimentRules) -> Floats:
    """Rank of each value in the sessions before it; NaN where too few of those are known.

    Equal values count half, so that what never changes ranks in the middle and the rank of -x is 1 less that of x.
    """
    result = np.full((len(values), last), np.nan)
    for place in range(last):
        at = values.shape[1] - last + place
        now, before = values[:, at, None], values[:, max(at - rules.history, 0) : at]
        known = (~np.isnan(before)).sum(axis=1)
        below = (before < now).sum(axis=1) + (before == now).sum(axis=1) / 2
        is_known = (known >= rules.least_history) & ~np.isnan(now[:, 0])
        result[is_known, place] = below[is_known] / known[is_known]
    return result


def _among_names(values: Floats, peers: Bools, rules: SentimentRules) -> Floats:
    """Rank of each value among the other names of its session; NaN where too few names are known."""
    result = np.full(values.shape, np.nan)
    for place, column in enumerate(values.T):
        is_known = ~np.isnan(column)
        others = np.sort(column[is_known & peers])
        if len(others) < rules.least_names:
            continue
        below = np.searchsorted(others, column[is_known], side="left")
        equal = np.searchsorted(others, column[is_known], side="right") - below
        # A peer is not ranked against itself.
        itself = peers[is_known].astype(int)
        result[is_known, place] = (below + (equal - itself) / 2) / (len(others) - itself)
    return result


def _mean(ranks: list[Floats]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Mean of the known ranks, NaN without one, and how many are known."""
    table = np.stack(ranks)
    known = (~np.isnan(table)).sum(axis=0)
    return np.nansum(table, axis=0) / np.where(known > 0, known, np.nan), known
