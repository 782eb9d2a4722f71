"""First attempts at a rule: NumPy's vectors, and names of hyperparameters from elsewhere."""

import importlib

import numpy as np
import pytest

import symopt as so
from symopt.optim.wrappers import WRAPPERS
from symopt.rules.foreign_names import own_names

TOGETHER = {
    "u @ v": ("g @ h", "dot(u, v) is the inner product"),
    "H @ v": ("hessian(theta) @ g", "hvp(point, v) the Hessian times a vector"),
    "H * v": ("hessian(theta) * g", "hvp(point, v) is the Hessian times a vector"),
    "u.T * v": ("g.T * h", "dot(u, v) is the inner product"),
    "u.dot(v)": ("g.dot(h)", "norm, dot and mean take all of them together"),
    "np.dot": ("np.dot(g, h)", "expected dot(u, v)"),
    "np.sum": ("np.sum(g * h)", "expected dot(u, 1)"),
    "np.mean": ("np.mean(g)", "expected mean(u)"),
    "np.linalg.norm": ("np.linalg.norm(g)", "expected norm(u)"),
    "len": ("len(theta) * g", "n is how many there are"),
}


@pytest.mark.parametrize("written", TOGETHER)
def test_vectors_of_numpy_are_answered_with_what_a_rule_asks_for(written, tmp_path, monkeypatch):
    text, words = TOGETHER[written]
    name = f"vectors_{abs(hash(written))}"
    (tmp_path / f"{name}.py").write_text(
        "import numpy as np\nimport symopt as so\n\n@so.rule\n"
        "def careless(theta, *, grad, hessian, eta=0.1):\n"
        "    g, h = grad(theta), grad(theta - 1)\n"
        f"    return theta - eta*({text})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    careless = importlib.import_module(name).careless
    with pytest.raises(so.RuleError) as error:
        so.minimize(so.parse("x^2 + y^2"), careless, [1.0, 1.0], 1)
    assert words in str(error.value)


def test_a_wrapper_is_looked_through_for_vectors_of_numpy_too():
    def scaled(step, theta, *, grad):
        g = grad(theta)
        return step(theta) * np.dot(g, g)

    with pytest.raises(so.RuleError, match=r"expected dot\(u, v\)"):
        so.wrapper()(scaled)


def test_numpy_s_mean_of_a_list_of_gradients_is_one():
    @so.rule
    def two(theta, *, grad, eta=0.5):
        return theta - eta * np.mean([grad(theta), grad(theta - 1)])

    assert so.minimize(so.parse("x^2"), two, [1.0], 1).theta == pytest.approx([0.5])


NAMES = {
    "lr": dict.fromkeys(("gd", "adam", "rmsprop", "lion", "newton", "sam", "ogm"), "'eta'"),
    "learning_rate": dict.fromkeys(("momentum", "adagrad", "rprop", "schedule_free_sgd"), "'eta'"),
    "alpha": {"adam": "'eta'", "gd": "'eta'", "rmsprop": "'eta' or 'rho'", "sam": "'eta'"},
    "beta": {"adam": "'beta1' or 'beta2'", "adadelta": "'rho'", "gd": "", "sam": "", "ogm": ""},
    "rho": {"adam": "'beta2'", "adan": "'beta3'", "momentum": "'beta'", "gd": "", "newton": ""},
    "eps": {"adam": "'epsilon'", "yogi": "'epsilon'", "adabelief": "'epsilon'", "gd": "", "sam": ""},
    "momentum": {"adam": "'beta1'", "nesterov": "'beta'", "gd": "", "adagrad": ""},
    "mu": {"damped_newton": "'damping'", "nadam": "'beta1'"},
    "beta1": {"momentum": "'beta'", "gd": ""},
    "etas": {"rprop": "'shrink' or 'grow'", "gd": ""},
}  # fmt: skip


@pytest.mark.parametrize("given", NAMES)
def test_a_name_from_elsewhere_is_answered_with_this_rule_s_own(given):
    for name, own in NAMES[given].items():
        with pytest.raises(so.RuleError) as error:
            so.optimizers[name](**{given: 0.5})
        words = f"(did you mean {own}?)" if own else "(known: eta"
        assert words in str(error.value), name


@pytest.mark.parametrize("given", ["lr", "learning_rate", "alpha", "beta", "rho", "eps"])
def test_no_rule_is_answered_with_a_name_that_means_another_thing(given):
    """eta for a rate; a share of an average for an average; epsilon for epsilon; else nothing."""
    meant = {"beta": {"beta1", "beta2", "beta3", "rho", "decay", "momentum"}, "eps": {"epsilon"}}
    meant["rho"] = meant["beta"] | {"beta"}
    meant["alpha"] = {"eta", "rho"}
    for rule in so.optimizers.values():
        own = set(own_names(given, rule.values, rule.ranges))
        assert own <= meant.get(given, {"eta"})
        if meant.get(given, {"eta"}) == {"eta"}:
            assert own == {"eta"}
        assert "rho" not in own or rule.ranges["rho"].high == 1


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_answer_with_the_name_of_the_rule_inside(name):
    wrap = WRAPPERS[name]
    with pytest.raises(so.RuleError, match=rf"so\.{name}\(adam\(epsilon=\.\.\.\)\)"):
        wrap(so.adam(), eps=1e-8)
    with pytest.raises(so.RuleError, match=r"did you mean 'eta'\?"):
        wrap(so.adam())(lr=0.1)


def test_wrappers_own_values_have_other_names_too():
    for wrap, given, own in (
        (so.noisy, "std", "sigma"),
        (so.clip_norm, "threshold", "max_norm"),
        (so.lookahead, "sync_period", "k"),
        (so.average, "beta", "decay"),
        (so.project, "lower", "low"),
        (so.project, "max", "high"),
    ):
        with pytest.raises(so.RuleError, match=f"did you mean '{own}'"):
            wrap(so.gd(), **{given: 0.5})
