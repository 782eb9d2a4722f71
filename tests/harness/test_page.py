"""The page's text: whole, escaped, and with equations that are MathML."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
import sympy as sp

from symopt.harness import choose
from symopt.harness.report_sections import command, report
from symopt.harness.runner import execute
from symopt.report import Image, Line, Section, render
from symopt.report.mathml import formula

x, y, beta, eta, lam = sp.symbols("x y beta eta lambda")


class Parser(HTMLParser):
    """Collect what a browser would meet."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.links = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src", "srcset", "action") if name in given]


@pytest.fixture
def page(samples):
    return report([execute(one) for one in choose(["all"], samples)]).decode()


def test_nothing_is_fetched(page):
    parsed = Parser(page)
    assert all(re.match(r"#|data:|\w+/squares\.\w+$", link) for link in parsed.links)
    assert "url(" not in page
    assert "@import" not in page
    assert not set(parsed.tags) & {"link", "iframe", "object"} - {"link"}
    assert parsed.tags.count("link") == 1  # an empty icon, so that none is asked for


def test_ids_are_unique_and_links_reach_them(page):
    parsed = Parser(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)


def test_texts_are_escaped(page):
    assert (
        "a &lt; b &amp; &#34;c&#34; &gt; d, &lt;script&gt;alert(1)&lt;/script&gt; and 5 %" in page
    )
    assert "<script>alert" not in page
    assert "<b>not</b>" not in page
    assert Parser(page).tags.count("script") == 1
    assert "<i>" not in page


def test_every_row_is_there_with_its_verdict_in_words(page):
    rows = re.findall(r'<tr class="row" data-experiment="(\w+)">(.*?)</tr>', page, re.DOTALL)
    assert [name for name, _ in rows] == ["agrees", "crashes", "fails", "odd", "odd"]
    verdicts = [re.search(r"</span>\s*([a-z ]+)</span>", text)[1] for _, text in rows]
    assert verdicts == ["agrees", "not measured", "failed", "not measured", "agrees"]


def test_the_code_is_there_whole(page, samples):
    assert (samples / "odd.py").read_text() in unescape(page)
    assert f"symopt experiments run odd --from {samples}" in page
    assert "ZeroDivisionError: division by zero" in page


def test_the_command_of_symopts_own_experiments_needs_no_folder(monkeypatch, samples):
    one = choose(["odd"], samples)[0]
    assert command(one, quick=True) == f"symopt experiments run odd --from {samples} --quick"
    monkeypatch.setattr("symopt.harness.report_sections.folder", lambda: samples)
    assert command(one, quick=True) == "symopt experiments run odd --quick"


def test_a_notice_of_what_is_missing():
    assert "Incomplete" in render([], "Found", notice="c was not run.")
    assert "Incomplete" not in render([], "Found")


def test_many_vectors_are_shown_as_pixels():
    small, large = b"<svg/>", b"<svg>" + b" " * 500_000
    assert Image("a", small, b"png", 1, 1).url == "data:image/svg+xml;base64,PHN2Zy8+"
    assert Image("a", large, b"png", 1, 1).url == "data:image/png;base64,cG5n"
    assert Image("a", large, large + b" ", 1, 1).url.startswith("data:image/svg")


def test_a_section_may_be_bare():
    section = Section("bare", "Bare", "Nothing.", [Line("a", "1", "2", "–", "1", "failed")])
    assert section.tally == [("failed", 1)]
    assert "Equations" not in render([section], "Found")


# Equations

J, X = sp.Function("J"), sp.Function("X")
i, n = sp.symbols("i n", integer=True)
theta = sp.IndexedBase("theta")
EXPRESSIONS = [
    (2 * (beta + 1) / (lam * (2 * beta + 1)), ["<mfrac>", "β", "λ"]),
    (sp.Eq(X(x).diff(x, 2), -J(X(x))), ["<mi>J</mi>", "<mi>X</mi>", "−"]),
    (sp.Sum(100 * (theta[i + 1] - theta[i] ** 2) ** 2, (i, 0, n - 2)), ["∑", "<munderover>", "θ"]),
    (sp.Piecewise((x**2, x > 0), (0, True)), ["<mtable", "otherwise"]),
    (sp.Matrix([[1, beta], [0, 1]]), ["<mtable"]),
    (sp.ImmutableMatrix([[1, beta]]), ["<mtable"]),
    (sp.Symbol("ERT") / sp.Symbol("lambda_max"), ["ERT", "max"]),
    (sp.Le(x, y), ["≤"]),
    (sp.Abs(x) + sp.sqrt(x) + sp.exp(-x), ["<msqrt>", "|"]),
    (sp.Max(x, 0) + sp.log(x) + sp.sign(x) + sp.tanh(x), ["max", "log"]),
    (sp.Integral(sp.exp(-(x**2)), (x, 0, sp.oo)), ["∞", "∫"]),
    (sp.Float("1e-5") * x + sp.Rational(1, 3), ["10"]),
    (sp.S.true, ["True"]),
    (sp.Integer(3), ["3"]),
]


@pytest.mark.parametrize(("value", "parts"), EXPRESSIONS, ids=lambda value: str(value)[:30])
def test_expressions_become_mathml(value, parts):
    made = unescape(formula(value, block=True))
    assert made.startswith("<math")
    assert 'display="block"' in made
    assert not [part for part in parts if part not in made]
    assert "mfenced" not in made


@pytest.mark.parametrize(
    "name",
    [
        "a<b",
        "<script>alert(1)</script>",
        "a & b",
        "x}y{",
        "50 %",
        "\\alpha",
        "#1",
        "escape steps",
        "$",
    ],
)
def test_a_name_is_no_markup(name):
    made = formula(sp.Symbol(name) + 1)
    assert "<script" not in made
    assert not re.search(r"&(?!\w+;|#\w+;)", made)


def test_a_name_of_several_letters_is_one_word():
    assert ">ERT<" in formula(sp.Symbol("ERT"))
    assert ">escape steps<" in unescape(formula(sp.Symbol("escape steps"))).replace("\xa0", " ")


def test_other_values_are_texts():
    assert formula("a < b") == "a &lt; b"
    assert formula(0.1 + 0.2) == "0.3"
    assert formula([1e-5, 2, "<"]) == "1e-05, 2, &lt;"
    assert formula({"beta": 0.9}) == "beta = 0.9"
    assert formula([x, y]).count("<math") == 2
    assert formula(None) == "None"


def test_what_no_printer_knows_is_its_text(monkeypatch):
    monkeypatch.setattr("symopt.report.mathml.convert", lambda *_, **__: "<script/>")
    assert formula(sp.Lt(x, y)) == "<code>x &lt; y</code>"
    monkeypatch.setattr("symopt.report.mathml.convert", lambda *_, **__: 1 / 0)
    assert formula(x) == "<code>x</code>"
