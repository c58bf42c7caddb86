"""The vendor's REST API: reference data and whole-market days, live or from recorded pages.

`answers` says what an answer means, `pages` fetches the pages of a list, `client` knows the endpoints.
"""

from kapman_resources.polygon.answers import NotFound, NotRecorded
from kapman_resources.polygon.client import Polygon

__all__ = ["NotFound", "NotRecorded", "Polygon"]
