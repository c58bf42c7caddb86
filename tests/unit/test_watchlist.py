"""The checked-in watchlist against the documents, and files that cannot be one."""

from collections import Counter
from pathlib import Path

import pytest

from kapman_resources.errors import ConfigurationError
from kapman_resources.watchlist import WatchedTicker, read_watchlist

# kapman_architecture_v3.2.md, 2.3. The document says 140 and lists 143.
AI_STOCKS = [
    "AAPL", "ADBE", "ADI", "AEHR", "AEVA", "AI", "AMBA", "AMD", "AMZN", "ANET",
    "APPN", "ASML", "AVGO", "BB", "BBWI", "BIDU", "BILL", "BKE", "BOLT", "BPMC",
    "BRO", "BWXT", "CCJ", "CEG", "CHKP", "CMG", "COCO", "CORZ", "CRM", "CRWD",
    "CXM", "DDOG", "DELL", "DKS", "DOCU", "DOMO", "DUOL", "ESTC", "ETSY", "FIVN",
    "FLNC", "FRPT", "FRSH", "FTNT", "GE", "GEL", "GEV", "GLD", "GOOG", "GST",
    "GTLB", "HD", "HON", "HOOK", "HUBS", "IBM", "IFNNY", "ILMN", "INTC", "INTU",
    "INVZ", "IONQ", "JBL", "JNJ", "JNPR", "JNUG", "KGC", "LDSF", "LLY", "LMT",
    "LULU", "MANH", "MCD", "META", "MNPR", "MOD", "MRVL", "MSFT", "MTTR", "MVIS",
    "NEM", "NET", "NEWR", "NFLX", "NKE", "NOVT", "NOW", "NTRA", "NVDA", "NVST",
    "OKTA", "ON", "ORCL", "PATH", "PFE", "PG", "PLTR", "PSNY", "PTON", "PYPL",
    "QCOM", "QQQ", "RBLX", "REGN", "RKLB", "ROKU", "RTX", "SBUX", "SHOP", "SMCI",
    "SNAP", "SOFI", "SONO", "SPOT", "SPY", "STM", "STRL", "SWAV", "TEAM", "TECH",
    "TER", "TLRY", "TSLA", "TSM", "TTD", "TTWO", "TXN", "UBER", "UPST", "UTHR",
    "UVXY", "VRTX", "VRT", "VZ", "WBA", "WDC", "WMT", "WORK", "WW", "WWD",
    "XOM", "ZM", "ZS",
]  # fmt: skip

GICS = {
    "XLB": "Materials",
    "XLC": "Communication Services",
    "XLE": "Energy",
    "XLF": "Financials",
    "XLI": "Industrials",
    "XLK": "Information Technology",
    "XLP": "Consumer Staples",
    "XLRE": "Real Estate",
    "XLU": "Utilities",
    "XLV": "Health Care",
    "XLY": "Consumer Discretionary",
}
"""The eleven sectors, by the fund that holds each."""

FUNDS = {"GLD", "JNUG", "LDSF", "QQQ", "SPY", "UVXY"}
"""Names of the list that are funds, and belong to no sector."""

HEADER = "portfolio,symbol,priority,sector\n"


def portfolio(name: str) -> list[WatchedTicker]:
    return [entry for entry in read_watchlist() if entry.portfolio == name]


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_watchlist(path)
    assert "list.csv" in str(refused.value)
    return str(refused.value)


def test_ai_stocks_are_the_names_of_the_document_and_all_p1() -> None:
    assert len(AI_STOCKS) == 143
    assert Counter(entry.symbol for entry in portfolio("AI_STOCKS")) == Counter(AI_STOCKS)
    assert {entry.priority for entry in portfolio("AI_STOCKS")} == {"P1"}


def test_sector_etfs_are_the_eleven_sectors_and_the_market() -> None:
    sectors = {entry.symbol: entry.sector for entry in portfolio("SECTOR_ETFS")}

    assert sectors == {**GICS, "SPY": ""}
    assert len(portfolio("SECTOR_ETFS")) == 12


def test_there_is_no_other_portfolio() -> None:
    assert {entry.portfolio for entry in read_watchlist()} == {"AI_STOCKS", "SECTOR_ETFS"}


def test_every_stock_has_a_gics_sector_and_no_fund_has_one() -> None:
    stocks = {entry.symbol: entry.sector for entry in portfolio("AI_STOCKS") if entry.symbol not in FUNDS}
    funds = {entry.symbol: entry.sector for entry in portfolio("AI_STOCKS") if entry.symbol in FUNDS}

    assert set(stocks.values()) <= set(GICS.values())
    assert funds == dict.fromkeys(FUNDS, "")


@pytest.mark.parametrize(
    ("symbol", "sector"),
    [
        ("NVDA", "Information Technology"),
        ("AMZN", "Consumer Discretionary"),
        ("GOOG", "Communication Services"),
        ("META", "Communication Services"),
        ("TSLA", "Consumer Discretionary"),
        ("LLY", "Health Care"),
        ("PG", "Consumer Staples"),
        ("XOM", "Energy"),
        ("CEG", "Utilities"),
        ("GE", "Industrials"),
        ("NEM", "Materials"),
        ("PYPL", "Financials"),
    ],
)
def test_well_known_names_are_in_their_sector(symbol: str, sector: str) -> None:
    assert [entry.sector for entry in portfolio("AI_STOCKS") if entry.symbol == symbol] == [sector]


def test_order_is_kept_and_space_around_a_field_is_not(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("symbol,sector,portfolio,priority,note\nB , Energy,X,P2,n\nA,,X,P1,\nBACpL,,Y,P1,\n")

    assert read_watchlist(path) == [
        WatchedTicker("X", "B", "P2", "Energy"),
        WatchedTicker("X", "A", "P1", ""),
        WatchedTicker("Y", "BACpL", "P1", ""),
    ]


def test_a_symbol_may_stand_in_two_portfolios(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}X,SPY,P1,\nY,SPY,P2,\n")

    assert [entry.portfolio for entry in read_watchlist(path)] == ["X", "Y"]


@pytest.mark.parametrize("column", ["portfolio", "symbol", "priority", "sector"])
def test_a_missing_column_is_named(column: str, tmp_path: Path) -> None:
    kept = [name for name in ("portfolio", "symbol", "priority", "sector") if name != column]

    assert column in refusal(tmp_path, ",".join(kept) + "\nX,A,P1\n")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "symbol" in refusal(tmp_path, "")


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        pytest.param("X,B,P3,Energy", "P1 or P2", id="unknown priority"),
        pytest.param("X,B,p1,Energy", "P1 or P2", id="lower-case priority"),
        pytest.param("X,B,,Energy", "P1 or P2", id="no priority"),
        pytest.param("X,,P1,Energy", "symbol", id="no symbol"),
        pytest.param("X,  ,P1,Energy", "symbol", id="blank symbol"),
        pytest.param("X,A,P2,Energy", "A is in X twice", id="doubled symbol"),
        pytest.param("X,B", "P1 or P2", id="line too short"),
    ],
)
@pytest.mark.parametrize(
    ("above", "line"),
    [pytest.param("X,A,P1,\n", 3, id="third line"), pytest.param("X,A,P1,\n\nX,C,P1,\n", 5, id="below a blank line")],
)
def test_a_bad_line_is_refused_with_its_number(bad: str, told: str, above: str, line: int, tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{HEADER}{above}{bad}\nX,Z,P1,\n")

    assert f"line {line}:" in message
    assert told in message
