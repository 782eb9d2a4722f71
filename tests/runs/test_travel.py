"""Rules, costs, runs and studies are pickled, copied and compared; other processes have the same bits."""

import copy
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.interop.counterpart import LIBRARIES
from symopt.problems import Problem
from symopt.rules.traced import TracedFunction

i, n = sp.symbols("i n", integer=True)
th, D = sp.IndexedBase("th"), sp.IndexedBase("D")
X = sp.MatrixSymbol("X", 2, 2)
ROSENBROCK = so.parse("(1-x)^2 + 100*(y-x^2)^2")
DATA = np.arange(4.0)
FIT = so.Cost(sp.Sum((th[i] - D[i]) ** 2 / 3, (i, 0, n - 1)), params=th, data={D: DATA})


@so.rule(m=0, ranges={"kind": ("plain", "sign")})
def at_module(theta, m, *, grad, t, eta=0.1, beta=0.9, look_ahead=False, extra=None, kind="plain"):
    """Momentum with options."""
    point = theta + beta * m if look_ahead else theta
    g = grad(point) if kind == "plain" else sp.sign(grad(point))
    m = beta * m - eta * g / (1 + 1 / t)
    return theta + m - (extra * theta if extra is not None else 0), m


def local_rules():
    @so.rule
    def local(theta, *, grad, normal, hessian, solve, eta=0.1):
        """A rule that no other process can import."""
        g = grad(theta - eta * grad(theta))
        return (
            theta
            - eta * solve(hessian(theta), g)
            + normal() * 0
            - sp.Add(eta, -eta, theta * 0, evaluate=False)
        )

    @so.rule(m=0)
    def heavy(theta, m, *, grad, t, let, norm, eta=0.1, beta=0.9):
        m = let("m", beta * m - eta * grad(theta) / (1 + norm(grad(theta)) / t))
        return theta + m, m

    @so.wrapper(words=lambda by: f"gradients are scaled by {by}")
    def scaled(step, theta, *, grad, by=2.0):
        return step(theta, grad=lambda point: step.let("g", by * grad(point)))

    @so.rule(v=so.repeat(0, "K"))
    def counting(theta, v, *, grad, hvp, dot, eta=0.02, K=3):
        g = grad(theta)
        v = [v[k] / (k + 1) - g for k in range(K)]
        return theta + eta * sum(v) * dot(g, g) / dot(g, hvp(theta, g)), v

    return local, heavy, scaled(heavy, by=0.5), counting(K=2)


LOCAL, HEAVY, SCALED, COUNTING = local_rules()
RULES = {
    "published": so.adam(eta=0.02), "schedule": so.nesterov(eta=0.1 / sp.sqrt(so.t)), "swept": so.gd(eta=np.array([0.1, 0.2])),
    "wrapped": so.average(so.clip_norm(so.adam(eta=0.1), 1.0)), "with options": at_module(look_ahead=True, extra=0.1), "local": LOCAL, "momentum": HEAVY,
    "local wrapper": SCALED, "wrapped local": so.clip_norm(so.weight_decay(HEAVY, 0.1), 0.5), "last theta": so.average(so.gd).reporting("theta"),
    "lists of states": COUNTING, "a box": so.project(COUNTING, low=-1, high=[2, None]), "a box by names": so.project(so.gd, low={"x": -1}, high={"y": 2}),
}  # fmt: skip
COSTS = {
    "text": ROSENBROCK, "loops": FIT, "matrix": so.Cost(sp.Trace(X.T * X), params=X), "constants": so.parse("x^2+k*y^2", params="x y")(k=3.0),
    "written": so.parse("sum((a*t[j]-y[j])^2,j,0,m-1)"), "known": so.Cost(sp.Symbol("x") ** 2, optimal_value=0),
}  # fmt: skip
WAYS = {"pickle": lambda one: pickle.loads(pickle.dumps(one)), "copy": copy.copy, "deepcopy": copy.deepcopy}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", RULES)
def test_rules_are_equal_after_the_way(kind, way):
    rule = RULES[kind]
    again = WAYS[way](rule)
    assert again is not rule
    assert again == rule
    assert hash(again) == hash(rule)
    assert again.equations == rule.equations
    assert (repr(again), again.doc, again.latex()) == (repr(rule), rule.doc, rule.latex())
    assert again.differences == rule.differences
    if kind != "swept":
        assert again != so.adam(eta=0.03)
    assert again(**{name: 0.25 for name in rule.values if name == "eta"}).inner == rule.inner


@pytest.mark.parametrize("name", [*so.optimizers, *LIBRARIES])
def test_every_rule_travels_by_its_name(name):
    rule = so.optimizers.get(name) or LIBRARIES[name](**LIBRARIES[name].rate())
    again = pickle.loads(pickle.dumps(rule))
    assert again == rule
    assert again.update is rule.update


def test_options_travel_and_others_are_refused():
    traced = at_module.__class__(**{**vars_of(at_module), "function": TracedFunction.of(at_module)})
    for options in ({}, {"look_ahead": True}, {"extra": 0.5}, {"kind": "sign", "look_ahead": True}):
        assert traced(**options).equations == at_module(**options).equations
    few = TracedFunction.of(at_module(look_ahead=True))
    one = at_module.__class__(
        **{**vars_of(at_module), "function": TracedFunction("one", "", ("m",), few.choices[:1])}
    )
    assert one(look_ahead=True).equations == at_module(look_ahead=True).equations
    with pytest.raises(so.RuleError, match=r"came from another process with .*look_ahead=True"):
        one(look_ahead=False).equations


def test_bounds_are_given_anew_and_counts_are_not():
    boxed = so.project(COUNTING, low=-1, high=2)
    again = pickle.loads(pickle.dumps(boxed))
    assert again(low=-0.5) == boxed(low=-0.5) != boxed
    assert again(low=-0.5).equations == boxed(low=-0.5).equations
    with pytest.raises(so.RuleError, match=r"came from another process with K=2"):
        pickle.loads(pickle.dumps(COUNTING))(K=3).equations


def vars_of(rule):
    return {name: getattr(rule, name) for name in rule.__dataclass_fields__}


WRAPS = {
    "clip_norm": so.clip_norm, "restart": so.restart, "noisy": so.noisy, "weight_decay": lambda rule: so.weight_decay(rule, 0.1),
    "twice": lambda rule: so.lookahead(so.ascend(rule), k=3),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRAPS)
@pytest.mark.parametrize("rule", [LOCAL, HEAVY, SCALED, COUNTING], ids=lambda rule: rule.name)
def test_what_travelled_can_be_wrapped(rule, kind):
    again = pickle.loads(pickle.dumps(rule))
    assert isinstance(again.function, TracedFunction)
    assert WRAPS[kind](again).equations == WRAPS[kind](rule).equations


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", COSTS)
def test_costs_are_equal_after_the_way(kind, way):
    cost = COSTS[kind]
    again = WAYS[way](cost)
    assert again is not cost
    assert again == cost
    assert hash(again) == hash(cost)
    assert again.source == cost.source
    assert so.Cost(again, optimal_value=1.0) != cost
    assert str(again.expression) == str(cost.expression)
    assert so.Cost(again.expression, params=again.params, data=again.data) == so.Cost(
        cost.expression, params=cost.params, data=cost.data
    )


def test_costs_that_differ_are_not_equal():
    others = [
        so.parse("(1-x)^2 + 100*(y-x^2)^2", params="y x"),
        so.parse("(1-x)^2 + 99*(y-x^2)^2"),
        FIT,
        5,
    ]
    assert all(other != ROSENBROCK for other in others)
    assert so.Cost(FIT, data={D: DATA + 1}) != FIT == so.Cost(FIT, data={D: DATA.copy()})
    constants = so.parse("x^2+k*y^2", params="x y")
    assert constants(k=2.0) != constants(k=3.0) == COSTS["constants"]


def test_a_deep_copy_has_data_of_its_own_and_no_kernel_travels(in_python):
    again = copy.deepcopy(FIT)
    again.data["D"][0] = 5.0
    assert FIT.data["D"][0] == 0.0
    so.minimize(FIT, "gd", np.ones(4), 1)
    assert FIT.objective.kernels
    assert not pickle.loads(
        pickle.dumps(FIT)
    ).objective.kernels  # they are known by the addresses of updates


@pytest.fixture(scope="module")
def results():
    run = so.minimize(ROSENBROCK, SCALED, [-1.2, 1.0], 20)
    study = so.sweep(
        FIT, [so.gd(eta=[0.1, 50.0]), HEAVY], np.ones((2, 4)), 20, record=True, targets=[0.1, 1e-9]
    )
    return {
        "run": run,
        "study": study,
        "scipy": so.scipy(ROSENBROCK, "BFGS", [-1.2, 1.0], 20),
        "problem": Problem("fit", FIT, DATA, "here"),
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["run", "study", "scipy", "problem"])
def test_results_are_equal_after_the_way(results, kind, way):
    again = WAYS[way](results[kind])
    assert again is not results[kind]
    assert again == results[kind]
    assert hash(again) == hash(results[kind])
    assert repr(again) == repr(results[kind])
    assert again != results["study" if kind == "run" else "run"]


def test_results_that_differ_are_not_equal(results):
    other = so.minimize(ROSENBROCK, SCALED, [-1.2, 1.0], 19)
    assert other != results["run"] == so.minimize(ROSENBROCK, SCALED, [-1.2, 1.0], 20)
    broken = so.minimize(so.parse("log(x)"), "gd", [-1.0], 1)
    assert np.isnan(broken.loss)
    assert broken == so.minimize(so.parse("log(x)"), "gd", [-1.0], 1)
    swept = so.sweep(FIT, HEAVY, np.ones((2, 4)), 20, record=True, targets=[0.1, 1e-9])
    assert swept != results["study"]
    assert pickle.loads(pickle.dumps(results["study"])).reason("gd", eta=1, start=0) == results[
        "study"
    ].reason("gd", eta=1, start=0)


def test_another_process_has_the_same_bits(results, tmp_path):
    (tmp_path / "of_a_user.py").write_text(
        textwrap.dedent("""
        import symopt as so

        @so.wrapper()
        def doubled(step, theta, *, grad):
            return step(theta, grad=lambda point: step.let("g", 2*grad(point)))
    """)
    )
    script = textwrap.dedent("""
        import pickle, sys, symopt as so
        from of_a_user import doubled

        @so.rule(m=0)
        def mine(theta, m, *, grad, eta=0.01, beta=0.9):
            m = beta*m - eta*grad(theta + beta*m)
            return theta + m, m

        cost, rules, results = pickle.loads(sys.stdin.buffer.read())
        rules += [mine, doubled(mine), doubled(so.adam(eta=0.1))]
        runs = [so.minimize(cost, rule, [-1.2, 1.0], 30) for rule in rules]
        sys.stdout.buffer.write(pickle.dumps((cost, rules, results, runs)))
    """)
    rules = [RULES[kind] for kind in ("published", "wrapped", "local wrapper", "wrapped local")]
    sent = (ROSENBROCK, rules, results)
    there = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(sent),
        capture_output=True,
        check=True,
        env=environment(tmp_path),
    )
    sys.path.append(str(tmp_path))
    cost, all_rules, same, runs = pickle.loads(there.stdout)
    assert (cost, all_rules[:4], same) == sent
    for run, rule in zip(runs, all_rules, strict=True):
        again = so.minimize(ROSENBROCK, rule, [-1.2, 1.0], 30)
        assert run == again
        assert run.theta.tobytes() == again.theta.tobytes()
        assert run._history.tobytes() == again._history.tobytes()
    assert all_rules[5].function.__module__ == "symopt.rules.traced"


def environment(folder):
    import os
    from pathlib import Path

    here = Path(so.__file__).parent.parent
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(folder)])}
