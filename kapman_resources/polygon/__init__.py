"""The vendor's REST API: reference data, whole-market days and option chains, live or from recorded pages.

`answers` says what an answer means, `pages` fetches the pages of a list, `pace` says how fast, `client` knows
the endpoints.
"""

from kapman_resources.polygon.answers import KeyRejected, NotFound, NotRecorded, Page
from kapman_resources.polygon.client import Polygon, collected
from kapman_resources.polygon.pages import RecordedPages

__all__ = ["KeyRejected", "NotFound", "NotRecorded", "Page", "Polygon", "RecordedPages", "collected"]
