"""A spread sample of a wide table for the suite; the rest of the table is among the slow tests."""

import pytest


def spread(cases, every):
    """Parameters of a test: each ``every``-th case from the first on; the others marked slow.

    >>> [bool(one.marks) for one in spread("abcd", every=3)]
    [False, True, True, False]
    """
    return [
        pytest.param(case, marks=pytest.mark.slow if turn % every else [])
        for turn, case in enumerate(cases)
    ]
