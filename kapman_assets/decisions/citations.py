"""Whether every number in a sentence is one of the facts: what is a number, how facts may be said, what is let pass.

The rules, which `docs/decisions-layer.md` repeats:

- A number matches a fact if the fact rounds to it as written, and rounding changed it by 2.5 % at most. A fraction may
  be said in per cent. A sign that is written must be the fact's.
- A number right after the name of a fact ("RSI of 63") must be that fact.
- Of contracts that are not the idea's own only strike and days to expiry are facts; of its own, everything is. Its own
  levels, their distance from the close and its economics are facts.
- A day must be a day of the facts.
- No number, and let pass: the window in a name ("50-day", "RSI(14)", "SMA200"), the top of a scale ("10/12"), the 1 of
  "2.1 to 1", an ordinal up to 20th. Words up to ten are no numbers; larger ones are to be written in digits.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from kapman_assets.decisions.economics import Economics, Position, reward_to_risk
from kapman_assets.decisions.facts import Contract, Facts, Number, Unit, numbers
from kapman_assets.decisions.idea import Idea

_ROUNDING = 0.025
"""The most that rounding may change a fact by, as a share of it."""

_LAST_ORDINAL = 20
_CONTEXT = 60

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<number>\d{1,2})-(?P<day>\d{1,2})\b"),
    re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}})\b)?", re.IGNORECASE),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH}(?:,?\s+(?P<year>\d{{4}}))?\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\s+(?P<year>\d{{4}})\b", re.IGNORECASE),
    re.compile(r"\b(?P<number>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b"),
)

_WINDOWS = re.compile(
    r"(?:"
    r"\b(?:rsi|atr|adx|mfi)[_(-]?14\)?"
    r"|\b(?:price_vs_)?(?:sma|ema|ma)[\s_(-]*(?:20|50|200)\)?"
    r"|\bhv[_(-]?20\)?"
    r"|\biv[_(-]?30d(?:ay)?\)?"
    r"|\bexpected_move_30d|\bskew_25d"
    r"|\bmacd\s*\(12,\s*26,\s*9\)"
    r"|\b25[\s-]delta"
    r"|\b(?:14|20|30|50|60|90|200|252)[\s-]?(?:day|session|period|bar)"
    r")(?![\w.]*\d)(?!s\b)",
    re.IGNORECASE,
)
_SCALE = re.compile(r"(?<=\d)\s*(?:/|out of|of)\s*(?P<top>28|12|100)(?![\d.]*\d)")
_TO_ONE = re.compile(r"(?<=\d)\s*(?::|to)\s*1(?![\d.]*\d)")
_ORDINAL = re.compile(r"\b(?P<number>\d{1,2})(?:st|nd|rd|th)\b", re.IGNORECASE)
_WORDS = re.compile(
    r"\b(?:eleven|twelve|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|(?:m|b|tr)illions?|"
    r"dozens?)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w.,)%])[-+−–]\s?)?(?P<currency>\$\s?)?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<exponent>e[+-]?\d+)?"
    r"(?:\s?(?P<unit>%|per\s?cent\b|percentage points?\b|bps\b|basis points\b|vol(?:atility)? points?\b|points?\b|pts\b"
    r"|thousand\b|million\b|billion\b|[kmbx]\b))?",
    re.IGNORECASE,
)
_TIMES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}

_NAMED: Sequence[tuple[str, tuple[str, ...]]] = (
    (r"rsi(?:\W?14\W?)?", ("rsi_14",)),
    (r"adx(?:\W?14\W?)?", ("adx_14",)),
    (r"atr(?:\W?14\W?)?", ("atr_14",)),
    (r"mfi(?:\W?14\W?)?", ("mfi_14",)),
    (r"macd histogram", ("macd_histogram",)),
    (r"(?:bc|buying climax) score", ("bc_score",)),
    (r"spring score", ("spring_score",)),
    (r"composite score", ("composite_score",)),
    (r"iv rank", ("iv_rank",)),
    (r"iv percentile", ("iv_percentile",)),
    (r"(?:iv|implied volatility)", ("iv_30d", "implied_volatility")),
    (r"(?:hv|hv.?20|historical volatility|realised volatility|realized volatility)", ("hv_20",)),
    (r"dgpi", ("dgpi",)),
    (r"gamma flip(?: level)?", ("gamma_flip_level",)),
    (r"call wall", ("call_wall",)),
    (r"put wall", ("put_wall",)),
    (r"support", ("support",)),
    (r"resistance", ("resistance",)),
    (r"(?:close|closed|closing price)", ("close",)),
    (r"stop(?:[ -]loss)?", ("stop_loss",)),
    (r"(?:profit )?target", ("profit_target",)),
    (r"open interest", ("open_interest",)),
    (r"delta", ("delta",)),
    (r"max(?:imum)? loss", ("max_loss",)),
    (r"max(?:imum)? gain", ("max_gain",)),
    (r"probability of profit", ("probability_of_profit",)),
    (r"confidence", ("confidence", "phase_confidence")),
)
_BOUND = tuple(
    (
        re.compile(
            rf"\b{name}\W{{0,2}}(?:(?:is|was|of|at|near|around|about|reads|stands at|sits at)\b)?[\s=:(~]*$", re.I
        ),
        facts,
    )
    for name, facts in _NAMED
)


@dataclass(frozen=True)
class _Said:
    """A number as it is written: value, half a unit of its last place, sign and unit."""

    value: float
    slack: float
    sign: int
    unit: str
    is_money: bool


def uncited(
    text: str, facts: Facts, idea: Idea, positions: Sequence[Position], worth: Economics | None
) -> Iterator[str]:
    """The pieces of a text that say a number or a day which no fact bears out.

    Args:
        text: the justification.
        facts: what was told.
        idea: whose justification it is.
        positions: its legs.
        worth: their economics; None without legs.
    """
    for sign in text:
        if sign.isnumeric() and not sign.isascii():
            yield sign
            return
    left = _without_names(text, facts)
    days = set(_days(facts))
    for pattern in _DATES:
        for match in pattern.finditer(left):
            if not _is_a_day(match.groupdict(), days):
                yield match.group()
        left = pattern.sub(_blank, left)
    left = _WINDOWS.sub(_blank, left)
    left = _ORDINAL.sub(lambda m: _blank(m) if int(m["number"]) <= _LAST_ORDINAL else m.group(), left)
    left = _TO_ONE.sub(_blank, _SCALE.sub(_blank, left))
    known = list(_known(facts, idea, positions, worth))
    for match in _NUMBER.finditer(left):
        said = _read(match)
        bound = _bound_to(left[max(0, match.start() - _CONTEXT) : match.start()])
        of = [one for one in known if one.name.rsplit(".", 1)[-1] in bound] if bound else known
        if not any(_says(said, one) for one in of):
            yield text[max(0, match.start() - _CONTEXT // 3) : match.end()]
    yield from (match.group() for match in _WORDS.finditer(_NUMBER.sub(_blank, left)))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _without_names(text: str, facts: Facts) -> str:
    """The text with the names of the facts blanked: what they hold are no claims."""
    names = {facts.symbol, facts.company or "", *(one.contract for one in facts.contracts)}
    held = (one for one in names if one in text and any(sign.isdigit() for sign in one))
    for name in sorted(held, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _blank, text)
    return text


def _days(facts: Facts) -> Iterator[date]:
    yield facts.session
    for event in facts.events:
        yield from (event.event_date, event.confirmed_date)
    for contract in facts.contracts:
        yield contract.expiration_date


def _is_a_day(parts: dict[str, str | None], days: Iterable[date]) -> bool:
    month = parts.get("month")
    number = _MONTHS.index(month[:3].lower()) + 1 if month else int(parts.get("number") or 0)
    day, year = parts.get("day"), parts.get("year")
    return any(
        one.month == number and (day is None or one.day == int(day)) and (year is None or one.year == int(year))
        for one in days
    )


def _known(facts: Facts, idea: Idea, positions: Sequence[Position], worth: Economics | None) -> Iterator[Number]:
    """Every number that may be said."""
    own = [one.contract for one in positions]
    yield from numbers(facts.model_copy(update={"contracts": tuple(own)}))
    for contract in _others(facts.contracts, own):
        yield Number("contracts.strike", contract.strike, Unit.USD)
        yield Number("contracts.dte", contract.dte, Unit.COUNT)
    yield Number("idea.confidence", idea.confidence, Unit.RATIO)
    yield Number("idea.legs", len(idea.legs), Unit.COUNT)
    for name in ("stop_loss", "profit_target"):
        level: float | None = getattr(idea, name)
        if level is not None:
            yield Number(f"idea.{name}", level, Unit.USD)
            yield Number(f"idea.{name}", level / facts.close - 1, Unit.RATIO)
    ratio = reward_to_risk(facts.close, idea.stop_loss, idea.profit_target)
    if ratio is not None:
        yield Number("idea.reward_to_risk", ratio, Unit.RATIO)
    if worth is None:
        return
    yield from (Number("idea.quantity", one.quantity, Unit.COUNT) for one in positions)
    strikes = [one.strike for one in own]
    if len(set(strikes)) > 1:
        yield Number("idea.width", max(strikes) - min(strikes), Unit.USD)
    yield Number("idea.net_price", abs(worth.net_price), Unit.USD)
    yield from (Number("idea.break_even", one, Unit.USD) for one in worth.break_evens)
    for name, unit in (
        ("max_loss", Unit.USD),
        ("max_gain", Unit.USD),
        ("capital_required", Unit.USD),
        ("probability_of_profit", Unit.RATIO),
        ("reward_to_risk", Unit.RATIO),
    ):
        value: float | None = getattr(worth, name)
        if value is not None:
            yield Number(f"idea.{name}", value, unit)


def _others(contracts: Iterable[Contract], own: Sequence[Contract]) -> Iterator[Contract]:
    names = {one.contract for one in own}
    return (one for one in contracts if one.contract not in names)


def _read(match: re.Match[str]) -> _Said:
    digits, exponent, unit = match["digits"], match["exponent"] or "", (match["unit"] or "").lower()
    times = _TIMES.get(unit, 1.0) * float(f"1{exponent}")
    places = len(digits.partition(".")[2])
    sign = 0 if match["sign"] is None else (1 if match["sign"].strip() == "+" else -1)
    value = float(digits.replace(",", "")) * times
    return _Said(value, 0.5 * 10.0**-places * times, sign, unit, match["currency"] is not None)


def _bound_to(before: str) -> tuple[str, ...]:
    """The facts that a number must be one of, since their name stands right before it."""
    return next((facts for pattern, facts in _BOUND if pattern.search(before)), ())


def _says(said: _Said, fact: Number) -> bool:
    if said.is_money and fact.unit is not Unit.USD:
        return False
    if said.sign and said.sign * fact.value < 0:
        return False
    return any(_rounds_to(abs(value), said) for value in _as_said(fact, said.unit))


def _as_said(fact: Number, unit: str) -> tuple[float, ...]:
    """The fact in a unit; nothing if it cannot be said in it."""
    is_ratio = fact.unit is Unit.RATIO
    if unit == "%" or unit.startswith("per"):
        return (fact.value * 100,) if is_ratio else (fact.value,) if fact.unit in {Unit.PERCENT, Unit.POINTS} else ()
    if unit in {"bps", "basis points"}:
        return (fact.value * 1e4,) if is_ratio else (fact.value * 100,) if fact.unit is Unit.PERCENT else ()
    if "point" in unit or unit == "pts":
        return (fact.value * 100,) if is_ratio else (fact.value,)
    if unit == "x":
        return (fact.value,) if is_ratio else ()
    return (fact.value,)


def _rounds_to(value: float, said: _Said) -> bool:
    distance = abs(value - said.value)
    tiny = 1e-9 * max(1.0, value)
    return distance <= tiny or (distance <= said.slack + tiny and distance <= _ROUNDING * value)
