"""The manual: every rule has a page with its equations, and an example whose output is what it prints."""

import doctest
import re
from html import unescape
from html.parser import HTMLParser

import pytest
import sympy as sp
from spread import spread

import symopt as so
from symopt.interop.counterpart import LIBRARIES
from symopt.manual import card, write_pages
from symopt.manual.rule_info import lines
from symopt.optim.wrappers import WRAPPERS


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    return {path.stem: path.read_text(encoding="utf-8") for path in write_pages(folder)}


def test_there_is_a_page_for_every_rule_and_all_are_listed(pages):
    assert set(pages) == {*so.optimizers, *WRAPPERS, "index"}
    assert all(
        f'<a href="{name}.html">{name}</a>' in pages["index"]
        for name in (*so.optimizers, *WRAPPERS)
    )
    assert all(f"<dt>{name}</dt>" in pages["index"] for name in so.schedules.__all__)


@pytest.mark.parametrize("name", [*so.optimizers, *WRAPPERS])
def test_a_page_has_the_rule_s_equations_and_a_doctest_that_prints(name, pages):
    page = pages[name]
    assert page.count("<math") >= len(card(name).equations)
    assert "merror" not in page
    code = unescape(
        re.search(r"<h2>Example</h2>\s*<div class=\"code\"><pre>(.*?)</pre>", page, re.DOTALL)[1]
    )
    test = doctest.DocTestParser().get_doctest(code, {}, name, None, 0)
    assert any(example.want for example in test.examples)
    assert doctest.DocTestRunner().run(test).failed == 0


class Balanced(HTMLParser):
    """Checks that every element is closed."""

    VOID = {"meta", "link", "br"}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_pages_are_whole_and_need_nothing_else(pages):
    for page in pages.values():
        parser = Balanced()
        parser.feed(page)
        assert not parser.open
        assert not re.search(r'(src|href)="(https?:)?//', page)


def test_the_stability_limit_is_there_where_it_is_known(pages):
    lam, beta, beta1, epsilon, v = sp.symbols("lambda beta beta1 epsilon v")
    assert sp.simplify(card("momentum").limit[0] - 2 * (1 + beta) / lam) == 0
    held = 2 * (1 + beta1) * (sp.sqrt(v) + epsilon) / (lam * (1 - beta1))
    assert sp.simplify(card("adam").limit[0] - held) == 0
    assert card("adam").limit[1] == "v"
    assert card("lion").limit is None
    assert "<h2>Stability</h2>" in pages["momentum"]
    assert "while v is held" in pages["adam"]
    assert "<h2>Stability</h2>" not in pages["lion"]


@pytest.mark.parametrize("name", spread(LIBRARIES, every=7))
def test_a_class_of_a_library_is_shown_with_its_arguments_and_differences(name):
    text = "\n".join(lines(card(name)))
    assert text.startswith(name)
    assert all(f"    {argument} = " in text for argument in LIBRARIES[name].arguments)
    assert all(words in text for words in card(name).rule.differences)
    assert "Equations (a prime marks the next value)" in text


def test_a_rule_names_the_classes_that_are_it():
    nadam, nesterov = (card(name).libraries for name in ("nadam", "nesterov"))
    assert {
        "so.like('torch.optim.NAdam', ...)", "so.like('optax.nadam', learning_rate=0.001, ...)",
        "so.like('keras.optimizers.Nadam', ...)",
    } == set(nadam)  # fmt: skip
    assert "so.like('keras.optimizers.SGD', momentum=0.9, nesterov=True, ...)" in nesterov
    assert "    so.like('keras.optimizers.Nadam', ...)" in lines(card("nadam"))


def test_names_that_are_neither():
    with pytest.raises(so.RuleError, match=r"no optimizer 'adm'.*did you mean 'adam'"):
        card("adm")
    with pytest.raises(so.RuleError, match=r"no counterpart of 'torch.optim.Adm'.*did you mean"):
        card("torch.optim.Adm")
