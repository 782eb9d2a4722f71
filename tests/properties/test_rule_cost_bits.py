"""Random pairs of a rule and a cost have the same bits in lanes, alone, in chunks and in plain Python."""

from collections import Counter

import pytest
from properties.rule_cost_bits import check_pair, check_pairs


@pytest.mark.filterwarnings("ignore::symopt.SymoptWarning")
def test_random_pairs_of_a_rule_and_a_cost_have_the_same_bits():
    assert Counter(check_pair(0, number) for number in range(3))["same"] >= 2


@pytest.mark.slow
def test_two_thousand_random_pairs_have_the_same_bits():
    told = check_pairs(seed=1, number=2000)
    assert [word for word in told if word.startswith("other bits")] == []
    assert told["same"] > 1500
