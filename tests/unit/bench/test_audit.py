"""The measurement of audits runs."""

import pytest

from bench.audit import main


def test_the_whole_of_it_runs_with_a_tiny_log(capsys: pytest.CaptureFixture[str]) -> None:
    main(sizes=(300,))
    printed = capsys.readouterr().out
    assert ("a folder" in printed, "HTTP" in printed) == (True, True)
