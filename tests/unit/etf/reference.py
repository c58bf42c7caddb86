"""The features once more, bar by bar in plain Python from the ETF document's formulas: slow, and shares no code."""

import math
from datetime import date
from functools import cache
from itertools import pairwise

WEIGHTS = {"macd": 0.35, "rsi14": 0.25, "ma_gap_pct": 0.20, "bb_pctb_20": 0.15, "mom_5d": 0.05}
Z_OF = {"macd": "macd_z", "rsi14": "rsi_z", "ma_gap_pct": "ma_gap_z", "bb_pctb_20": "bb_pctb_z", "mom_5d": "mom_5d_z"}
CONTRIBUTION_OF = {name: z.replace("_z", "_contribution") for name, z in Z_OF.items()}
UNKNOWN = math.nan


def half_year_before(day: date, halves: int) -> date:
    """The first day of the half-year so many before that of a day."""
    start = date(day.year, 1 if day.month <= 6 else 7, 1)
    for _ in range(halves):
        start = date(start.year, 1, 1) if start.month == 7 else date(start.year - 1, 7, 1)
    return start


def average(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def smoothed(values: list[float], length: int, share: float) -> list[float]:
    """An average that decays, from the simple mean of the first `length` values on."""
    result = [UNKNOWN] * len(values)
    if len(values) >= length:
        result[length - 1] = average(values[:length])
        for place in range(length, len(values)):
            result[place] = result[place - 1] * (1 - share) + values[place] * share
    return result


def _key_of(names: dict[str, str], value: str) -> str:
    return next(key for key, other in names.items() if other == value)


class Reference:
    """One symbol on consecutive sessions; a bar is (high, low, close, volume), None if there is none."""

    def __init__(
        self,
        sessions: list[date],
        bars: list[tuple[float, float, float, float] | None],
        benchmark: list[float | None],
    ) -> None:
        self.sessions, self.bars, self.benchmark = sessions, bars, benchmark
        self._series = cache(self._series_from)

    def value(self, place: int, horizon: int, column: str) -> float:
        """One cell; NaN where unknown."""
        result = UNKNOWN
        if self.bars[place] is None:
            pass
        elif column == "composite_z":
            result = self.composite(place, horizon)
        elif column in {"dz1", "dz5"}:
            result = self.composite(place, horizon) - self.composite(place - int(column[2:]), horizon)
        elif column in Z_OF.values():
            result = self.z(_key_of(Z_OF, column), place, horizon)
        elif column in CONTRIBUTION_OF.values():
            result = self.contribution(_key_of(CONTRIBUTION_OF, column), place, horizon)
        elif column in {"rs_spy_30d", "rs_spy_90d"}:
            result = self.relative_strength(place, int(column[7:9]))
        elif column in {"beta_spy_252d", "corr_spy_252d"}:
            result = self.regression(place)[column == "corr_spy_252d"]
        elif column == "vol_dollar_20d":
            recent = [bar for bar in self.bars[max(place - 19, 0) : place + 1] if bar]
            result = average([bar[2] * bar[3] for bar in recent]) if len(recent) == 20 else UNKNOWN
        else:
            result = self.indicator(column, place)
        return result

    def contribution(self, name: str, place: int, horizon: int) -> float:
        """Weight times score; the weights of what is known are scaled up to 1."""
        if math.isnan(self.composite(place, horizon)):
            return UNKNOWN
        weight = sum(WEIGHTS[other] for other in WEIGHTS if not math.isnan(self.z(other, place, horizon)))
        return WEIGHTS[name] * self.z(name, place, horizon) / weight

    def composite(self, place: int, horizon: int) -> float:
        """The weighted sum, NaN below 80 % of the weights."""
        if place < 0:
            return UNKNOWN
        scores = {name: self.z(name, place, horizon) for name in WEIGHTS}
        known = {name: score for name, score in scores.items() if not math.isnan(score)}
        weight = sum(WEIGHTS[name] for name in known)
        if weight < 0.8 - 1e-9:
            return UNKNOWN
        return sum(WEIGHTS[name] * score for name, score in known.items()) / weight

    def z(self, name: str, place: int, horizon: int) -> float:
        """Standard score of an indicator, with the sample's deviation."""
        window = [self.indicator(name, p) for p in range(max(place - horizon + 1, 0), place + 1)]
        known = [value for value in window if not math.isnan(value)]
        if math.isnan(window[-1]) or len(known) < 15:
            return UNKNOWN
        mean = average(known)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1))
        return (window[-1] - mean) / deviation

    def indicator(self, name: str, place: int) -> float:
        """An indicator on the bars that the session sees."""
        if self.bars[place] is None:
            return UNKNOWN
        return self._series(half_year_before(self.sessions[place], 3))[place][name]

    def relative_strength(self, place: int, back: int) -> float:
        """Difference of two returns."""
        returns = []
        for closes in ([bar and bar[2] for bar in self.bars], self.benchmark):
            now, then = closes[place], closes[place - back] if place >= back else None
            if now is None or then is None:
                return UNKNOWN
            returns.append(now / then - 1)
        return returns[0] - returns[1]

    def regression(self, place: int) -> tuple[float, float]:
        """Beta and correlation of the last 252 returns that both have."""
        start = half_year_before(self.sessions[place], 3)
        pairs = [
            (bar[2], market)
            for day, bar, market in zip(self.sessions, self.bars, self.benchmark, strict=True)
            if start <= day <= self.sessions[place] and bar is not None and market is not None
        ]
        if self.benchmark[place] is None or len(pairs) < 253:
            return UNKNOWN, UNKNOWN
        own = [math.log(b[0] / a[0]) for a, b in pairwise(pairs[-253:])]
        market = [math.log(b[1] / a[1]) for a, b in pairwise(pairs[-253:])]
        own_mean, market_mean = average(own), average(market)
        covariance = math.fsum((a - own_mean) * (b - market_mean) for a, b in zip(own, market, strict=True)) / 251
        of_own = math.fsum((a - own_mean) ** 2 for a in own) / 251
        of_market = math.fsum((b - market_mean) ** 2 for b in market) / 251
        return covariance / of_market, covariance / math.sqrt(of_own * of_market)

    def _series_from(self, start: date) -> dict[int, dict[str, float]]:
        """All indicators on the bars from a day on, by place."""
        places = [p for p, day in enumerate(self.sessions) if day >= start and self.bars[p] is not None]
        bars = [bar for p in places if (bar := self.bars[p]) is not None]
        close = [bar[2] for bar in bars]
        fast, slow = smoothed(close, 12, 2 / 13), smoothed(close, 26, 2 / 27)
        macd = [a - b for a, b in zip(fast, slow, strict=True)]
        signal = [UNKNOWN] * 25 + smoothed(macd[25:], 9, 2 / 10)
        changes = [b - a for a, b in pairwise(close)]
        gains = smoothed([max(change, 0.0) for change in changes], 14, 1 / 14)
        losses = smoothed([max(-change, 0.0) for change in changes], 14, 1 / 14)
        ranges = [
            max(high - low, abs(high - before), abs(low - before))
            for (high, low, _, _), before in zip(bars[1:], close, strict=False)
        ]
        true_range = smoothed(ranges, 14, 1 / 14)
        result = {}
        for k, place in enumerate(places):
            ma50 = average(close[k - 49 : k + 1]) if k >= 49 else UNKNOWN
            ma200 = average(close[k - 199 : k + 1]) if k >= 199 else UNKNOWN
            result[place] = {
                "macd": macd[k],
                "macd_signal": signal[k] if k < len(signal) else UNKNOWN,
                "rsi14": self._strength(gains[k - 1], losses[k - 1]) if k >= 1 else UNKNOWN,
                "bb_pctb_20": self._percent_b(close[k - 19 : k + 1]) if k >= 19 else UNKNOWN,
                "ma50": ma50,
                "ma200": ma200,
                "ma_gap_pct": (ma50 - ma200) / ma200,
                "mom_5d": close[k] / close[k - 5] - 1 if k >= 5 else UNKNOWN,
                "atr14": true_range[k - 1] if k >= 1 else UNKNOWN,
            }
        return result

    @staticmethod
    def _strength(gain: float, loss: float) -> float:
        return UNKNOWN if gain + loss == 0 else 100 * gain / (gain + loss)

    @staticmethod
    def _percent_b(window: list[float]) -> float:
        mean = average(window)
        deviation = math.sqrt(average([(value - mean) ** 2 for value in window]))
        if deviation == 0:
            return UNKNOWN
        return min(max((window[-1] - (mean - 2 * deviation)) / (4 * deviation), 0.0), 1.0)
