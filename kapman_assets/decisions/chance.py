"""How often a direction would be right if prices knew no direction: what stop, target and horizon alone decide.

A confidence is the probability of being right as outcomes are judged. A target three times as far as the stop is
reached first once in four times by chance, so that saying 0.55 of it would be a claim and not modesty.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.special import ndtr

_FAR = 8.0
"""Deviations beyond which the density of an image is nothing."""


def chance_right(stop: float, target: float, band: float, deviation: float) -> float:
    """Probability of being right among right and wrong, for a Brownian motion without drift.

    It starts at 0 and ends at the stop, at the target, or after the horizon, where it is right above the neutral band
    and wrong below it. The density between two absorbing barriers is that of the mirror images of the start; which
    barrier was hit follows from the mean, which stays 0 (optional stopping).

    Args:
        stop: way to the stop, > 0; infinite for none.
        target: way to the target, > 0; infinite for none.
        band: neutral band around 0, >= 0, in the same unit.
        deviation: standard deviation over the horizon, > 0, in the same unit.
    """
    if math.isinf(stop) and math.isinf(target):
        return 0.5
    free = _Free(_images(stop, target, _FAR * deviation), deviation)
    inside = free.mass(-stop, target)
    mean = free.mean(-stop, target)
    hit = 1.0 - inside
    if math.isinf(stop) or math.isinf(target):
        at_target = hit if math.isinf(stop) else 0.0
    else:
        at_target = (hit * stop - mean) / (stop + target)
    right = at_target + free.mass(min(band, target), target)
    wrong = (hit - at_target) + free.mass(-stop, max(-band, -stop))
    return right / (right + wrong)


class _Image(NamedTuple):
    place: float
    sign: int


def _images(stop: float, target: float, reach: float) -> list[_Image]:
    """The start and its mirror images, whose densities together vanish at the barriers."""
    if math.isinf(stop):
        return [_Image(0.0, 1), _Image(2 * target, -1)]
    if math.isinf(target):
        return [_Image(0.0, 1), _Image(-2 * stop, -1)]
    width = stop + target
    count = math.ceil(reach / (2 * width)) + 1
    places = range(-count, count + 1)
    return [image for k in places for image in (_Image(2 * k * width, 1), _Image(2 * target + 2 * k * width, -1))]


class _Free:
    """Sums of normal densities around the images."""

    def __init__(self, images: list[_Image], deviation: float) -> None:
        self._images, self._deviation = images, deviation

    def mass(self, low: float, high: float) -> float:
        """Probability of ending between two places without having met a barrier."""
        return self._sum(lambda image: self._share(image, low, high))

    def mean(self, low: float, high: float) -> float:
        """Part of the mean that comes from there."""

        def part(image: _Image) -> float:
            edges = self._density(low, image) - self._density(high, image)
            return image.place * self._share(image, low, high) + self._deviation * edges

        return self._sum(part)

    def _sum(self, of: Callable[[_Image], float]) -> float:
        return math.fsum(image.sign * of(image) for image in self._images)

    def _share(self, image: _Image, low: float, high: float) -> float:
        ends = ((place - image.place) / self._deviation for place in (low, high))
        below, above = (float(ndtr(end)) for end in ends)
        return above - below

    def _density(self, place: float, image: _Image) -> float:
        return math.exp(-0.5 * ((place - image.place) / self._deviation) ** 2) / math.sqrt(2 * math.pi)
