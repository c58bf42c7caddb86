"""The README's table is what the benchmark suite printed, and its links lead somewhere."""

import json
import re

import pytest

from benchmarks import report
from benchmarks.__main__ import README, RESULTS


def test_the_table_is_that_of_the_results() -> None:
    text = README.read_text()
    table = text.partition(report.MARKS[0])[2].partition(report.MARKS[1])[0].strip()
    results = json.loads(RESULTS.read_text())
    assert results["quick"] is False
    assert table == report.markdown(results)


@pytest.mark.parametrize("page", [README, *sorted(README.parent.glob("docs/**/*.md"))], ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page) -> None:  # type: ignore[no-untyped-def]
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target
