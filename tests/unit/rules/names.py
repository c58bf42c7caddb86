"""The names that the tests of rules use."""

from kapman_assets.etf.rule_names import ETF_NAMES
from kapman_assets.rules.catalogue import Catalogue

CATALOGUE = Catalogue(ETF_NAMES)
