"""The compiled kernels compute what their source says: the same bars, with and without the compiler."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import numba
import numpy as np
import pytest

from kapman_assets.wyckoff import engine
from kapman_assets.wyckoff.parameters import Detection
from tests.unit.wyckoff.series import bars_of, cut, planted

PACKAGE = "kapman_assets.wyckoff."
KERNELS = ("features", "engine")


@pytest.fixture
def interpreted() -> Iterator[ModuleType]:
    """The engine as Python runs it."""
    # Nothing is compiled while the compiler is off, not even what was there before.
    engine.replay(cut(planted(0), 0, 250), Detection())
    compiled = {name: sys.modules.pop(PACKAGE + name) for name in KERNELS}
    package = importlib.import_module("kapman_assets.wyckoff")
    numba.config.DISABLE_JIT = True
    try:
        yield importlib.import_module(PACKAGE + "engine")
    finally:
        numba.config.DISABLE_JIT = False
        for name, module in compiled.items():
            sys.modules[PACKAGE + name] = module
            setattr(package, name, module)


@pytest.mark.parametrize("seed", [0, 1, 4, 5, 7, 9])
def test_interpreted_and_compiled_agree(interpreted: ModuleType, seed: int) -> None:
    bars = planted(seed)
    mirrored = bars_of([400 - bars.open, 400 - bars.low, 400 - bars.high, 400 - bars.close, bars.volume])
    for one in (cut(bars, 0, 250), cut(mirrored, 0, 250)):
        python, machine = (module.replay(one, Detection()) for module in (interpreted, engine))

        assert not hasattr(interpreted._run, "py_func")
        assert hasattr(engine._run, "py_func")
        assert len(python.events) == len(machine.events)
        for name in machine.events.dtype.names:
            assert np.allclose(python.events[name], machine.events[name], rtol=1e-9, equal_nan=True), name
        for name in machine.rows.dtype.names:
            assert np.allclose(python.rows[name], machine.rows[name], rtol=1e-9, equal_nan=True), name
