"""The one way from metrics to what a database row or JSON holds. No metric is calculated or left out here."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from kapman_assets.options.reasons import Reason


def json_ready(value: Any) -> Any:
    """Turn metrics into plain values: a dataclass into a dict of its fields, at every depth.

    Reasons become their names and other enumerations their values, dates ISO text, tuples lists. A number that is
    not finite becomes None: neither JSON nor the warehouse knows NaN.

    Raises:
        TypeError: the value, or one within it, is of a type that metrics do not have.
    """
    plain: Any
    match value:
        case None | bool() | int():
            plain = value
        case float():
            plain = float(value) if math.isfinite(value) else None
        case Reason():
            plain = value.name
        case StrEnum() | str():
            plain = str(value)
        case date():
            plain = value.isoformat()
        case tuple() | list():
            plain = [json_ready(one) for one in value]
        case Mapping():
            plain = {str(key): json_ready(one) for key, one in value.items()}
        case _ if is_dataclass(value):
            plain = {field.name: json_ready(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"a metric has no value of type {type(value).__name__}: turn it into a plain one first")
    return plain
