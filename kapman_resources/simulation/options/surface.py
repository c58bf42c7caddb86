"""Implied volatility of every name, expiry and strike, from session to session.

At the money it is the stock's conditional variance, fading to its long-run one, times a premium that moves
slowly, plus the variance of the earnings reports before the expiry. Every part adds variance as time to expiry
grows, so that no calendar spread is free. Across strikes it is the SSVI surface of Gatheral and Jacquier,
"Arbitrage-free SVI volatility surfaces" (Quantitative Finance 14, 2014), with their power law
phi(w) = eta / sqrt(w (1 + w)); as eta (1 + |rho|) <= 2, no butterfly is free either (their Corollary 4.1 and
Remark 4.4).
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from kapman_resources.sessions import sessions_between
from kapman_resources.simulation.options.names import OptionNames
from kapman_resources.simulation.options.pricing import DAYS_PER_YEAR
from kapman_resources.simulation.plan import SESSIONS_PER_YEAR, MarketPlan, Stream
from kapman_resources.simulation.prices import SessionBars
from kapman_resources.simulation.traits import REPORT_EVERY, Floats

Days = NDArray[np.datetime64]

_REVERSION = -np.log(0.97) * SESSIONS_PER_YEAR
"""Rate a year at which the variance of the stocks' GARCH returns to its long-run value."""

_SMOOTHING = 0.9
"""Weight of the past in the variance that the market sees: it does not know at once that a stock has calmed."""

_PREMIUM, _PREMIUM_SPREAD, _PREMIUM_PERSISTENCE = 0.08, 0.10, 0.97
"""Log premium of implied over expected volatility: mean, standard deviation, autocorrelation a session."""

_CONTANGO, _CONTANGO_SPREAD, _CONTANGO_PERSISTENCE = 0.06, 0.04, 0.985
"""The same for the long end over the short one."""

_SKEW_SPREAD, _SKEW_PERSISTENCE = 0.2, 0.95
_LARGEST_CORRELATION = 0.9

_SHARED = 0.6
"""Correlation of each name's premium with the market's."""

_REPORT_VARIANCE = 2.5
"""Variance that is expected of a report, in sessions of the name's own variance; what comes is 2."""

_CURVATURE = 1.0
"""eta of the power law."""

_LONGEST = timedelta(days=800)

_START = 0
"""Part of the stream from which the first states come; session i has part i + 1."""


@dataclass(frozen=True)
class Smiles:
    """The surface of one session; arrays have one entry per name.

    Attributes:
        session: the session at whose close the surface stands.
        sessions: the sessions after it, ascending, past the last expiry.
        short, long: variance a year that is expected now and in the long run.
        correlation: rho of the SSVI surface, negative: puts are dearer than calls.
        report_variance: variance of one earnings report.
        next_report: sessions until the next one, at least 1.
    """

    session: np.datetime64
    sessions: Days
    short: Floats
    long: Floats
    correlation: Floats
    report_variance: Floats
    next_report: NDArray[np.int64]

    def at_the_money(self, name: NDArray[np.int64], expiry: Days) -> Floats:
        """Total variance at a strike equal to the spot: increasing in the expiry; 0 on the expiry itself."""
        years = (expiry - self.session).astype(np.int64) / DAYS_PER_YEAR
        fading = -np.expm1(-_REVERSION * years) / _REVERSION
        until = np.searchsorted(self.sessions, expiry, side="right")
        reports = np.maximum((until - self.next_report[name]) // REPORT_EVERY + 1, 0)
        diffusion = self.long[name] * years + (self.short - self.long)[name] * fading
        return np.asarray(diffusion + reports * self.report_variance[name])

    def volatility(self, name: NDArray[np.int64], expiry: Days, log_moneyness: Floats) -> Floats:
        """Implied volatility a year at ln(strike / spot); NaN on the expiry itself."""
        years = (expiry - self.session).astype(np.int64) / DAYS_PER_YEAR
        level = self.at_the_money(name, expiry)
        is_live = years > 0
        level, years = np.where(is_live, level, np.nan), np.where(is_live, years, np.nan)
        rho = self.correlation[name]
        scaled = _CURVATURE / np.sqrt(level * (1 + level)) * log_moneyness
        total = level / 2 * (1 + rho * scaled + np.sqrt((scaled + rho) ** 2 + 1 - rho**2))
        return np.sqrt(total / years)


class Surface:
    """The state between two sessions. It has to see every session of the walk from the first one on."""

    def __init__(self, plan: MarketPlan, names: OptionNames) -> None:
        self._plan = plan
        self._names = names
        count = len(names)
        self._variance = names.volatility**2
        # Premium of the market, of each name, contango, skew: standard normal in the long run.
        start = plan.rng(Stream.OPTION_SURFACE, _START).standard_normal(1 + 3 * count)
        self._shared, self._states = start[:1], start[1:].reshape(3, count)

    def step(self, bars: SessionBars) -> Smiles:
        """The surface at the close of the session, which must follow the one before."""
        names = self._names
        seen = bars.volatility[names.security] ** 2 * SESSIONS_PER_YEAR
        self._variance = _SMOOTHING * self._variance + (1 - _SMOOTHING) * seen
        rng = self._plan.rng(Stream.OPTION_SURFACE, bars.index + 1)
        self._shared = _autoregressed(self._shared, _PREMIUM_PERSISTENCE, rng)
        persistence = np.array([[_PREMIUM_PERSISTENCE], [_CONTANGO_PERSISTENCE], [_SKEW_PERSISTENCE]])
        self._states = _autoregressed(self._states, persistence, rng)
        own, contango, skew = self._states
        common = _SHARED * self._shared + np.sqrt(1 - _SHARED**2) * own
        premium = np.exp(2 * (_PREMIUM + _PREMIUM_SPREAD * common))
        steepness = np.exp(2 * (_CONTANGO + _CONTANGO_SPREAD * contango))
        following = sessions_between(bars.session + timedelta(days=1), bars.session + _LONGEST)
        return Smiles(
            session=np.datetime64(bars.session, "D"),
            sessions=np.array(following, dtype="datetime64[D]"),
            short=premium * self._variance,
            long=premium * steepness * names.volatility**2,
            correlation=-np.minimum(names.skew * np.exp(_SKEW_SPREAD * skew), _LARGEST_CORRELATION),
            report_variance=np.where(names.is_stock, premium * _REPORT_VARIANCE * names.own_variance, 0.0),
            next_report=REPORT_EVERY - (bars.index + names.report_phase) % REPORT_EVERY,
        )


def _autoregressed(state: Floats, persistence: Floats | float, rng: np.random.Generator) -> Floats:
    """The next values of AR(1) processes of unit variance."""
    return np.asarray(persistence * state + np.sqrt(1 - np.square(persistence)) * rng.standard_normal(state.shape))
