"""so.like: what it says, what it refuses, and the arguments that the stored trajectories leave at their defaults."""

import numpy as np
import pytest

import symopt as so
from symopt.interop.counterpart import LIBRARIES

pytestmark = pytest.mark.usefixtures("in_python")

J = so.parse("(1-x)^2 + 10*(y-x^2)^2")
START = [-0.5, 1.2]


def path(rule, steps=50):
    return so.minimize(J, rule, START, steps).history["theta"].values


SAME = {
    "keras's old lr": (("keras.optimizers.SGD", {"lr": 0.001}), so.gd(eta=0.001)),
    "tf.keras": (("tf.keras.optimizers.RMSprop", {"lr": 0.01}), so.rmsprop(eta=0.01, epsilon=1e-7)),
    "no momentum is gd": (("optax.sgd", {"learning_rate": 0.01, "momentum": 0.0, "nesterov": True}), so.gd(eta=0.01)),
    "torch's Adam": (("torch.optim.Adam", {"lr": 1e-3, "betas": (0.9, 0.99)}), so.adam(eta=1e-3, beta2=0.99)),
    "optax's nadam": (("optax.nadam", {"learning_rate": 0.05}), so.nadam(eta=0.05, momentum_schedule=False)),
    "optax's adam with nesterov is nadam": (
        ("optax.adam", {"learning_rate": 0.05, "nesterov": True}), so.nadam(eta=0.05, momentum_schedule=False),
    ),
    "maximize": (("torch.optim.Adam", {"maximize": True}), so.ascend(so.adam())),
    "keras's clipping": (
        ("keras.optimizers.SGD", {"learning_rate": 0.01, "global_clipnorm": 2.0}), so.clip_norm(so.gd(eta=0.01), 2.0),
    ),
    "adadelta climbs in optax": (("optax.adadelta", {}), so.ascend(so.adadelta())),
    "a fixed decay": (
        ("pytorch_optimizer.Lion", {"lr": 0.01, "weight_decay": 0.002, "fixed_decay": True}),
        so.lion(eta=0.01, weight_decay=0.2),
    ),
    "an amsgrad without effect": (
        ("adabelief_pytorch.AdaBelief", {"amsgrad": True}), so.like("adabelief_pytorch.AdaBelief"),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*climbs J")
@pytest.mark.parametrize("case", SAME)
def test_the_same_as_a_rule_of_ours(case):
    (name, given), rule = SAME[case]
    np.testing.assert_allclose(path(so.like(name, **given)), path(rule), rtol=1e-13)


def test_a_schedule_and_an_axis_for_a_learning_rate():
    """torch multiplies the whole buffer by the new rate, keras each gradient by its own."""
    eta = 0.01 / so.t
    torch, keras = (so.like(name, **{arg: eta, "momentum": 0.9}) for name, arg in (
        ("torch.optim.SGD", "lr"), ("keras.optimizers.SGD", "learning_rate"),
    ))  # fmt: skip
    theta, B, m, other = np.array(START), 0.0, 0.0, np.array(START)
    for t in range(1, 21):
        B = 0.9 * B + J.grad(theta)
        theta = theta - 0.01 / t * B
        m = 0.9 * m - 0.01 / t * J.grad(other)
        other = other + m
    np.testing.assert_allclose(path(torch, 20)[-1], theta, rtol=1e-12)
    np.testing.assert_allclose(path(keras, 20)[-1], other, rtol=1e-12)
    assert abs(theta - other).max() > 1e-3
    study = so.sweep(J, so.like("torch.optim.Adam", lr=[0.01, 0.1], betas=(0.9, 0.99)), START, 20)
    assert study["adam"].sizes["eta"] == 2


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_class_prints_what_it_is(name):
    given = {"learning_rate": 0.01} if name.startswith("optax") else {}
    text = str(so.like(name, **given))
    assert text.startswith(f"{name}(")
    assert "\nis " in text
    assert repr(so.like(name, **given)) in text


PRINTED = {
    "keras.optimizers.Adam": ["epsilon hat"],
    "keras.optimizers.Nadam": ["0.96**(1*t)", "epsilon is 1e-07 by default, 1e-08 in the paper"],
    "keras.optimizers.Adagrad": ["start at 0.1"],
    "torch.optim.Adagrad": ["not under it"],
    "torch.optim.Adam": [],
    "schedulefree.SGDScheduleFree": ["theta is y"],
    "optax.adan": ["error of that library", "1 - beta2"],
    "keras.optimizers.ScheduleFreeAdamW": ["theta is y", "same weight"],
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_differences_in_words(name):
    rule = so.like(name, **({"learning_rate": 0.01} if name.startswith("optax") else {}))
    assert ("differs from the paper" in str(rule)) == bool(PRINTED[name])
    assert all(words in str(rule) for words in PRINTED[name])
    changed = rule(eta=0.5)
    assert changed.differences == [
        words for words in rule.differences if not words.startswith("eta is")
    ]
    assert "with other values\nis " in str(changed(eta=0.25))


def test_axes_and_schedules_are_printed_too():
    assert "0.96**([0.1, 0.2]*t)" in str(so.like("torch.optim.NAdam", momentum_decay=[0.1, 0.2]))
    assert "0.001/t is added under the root" in str(
        so.like("optax.adam", learning_rate=0.1, eps_root=0.001 / so.t)
    )
    assert (
        so.lookahead(so.like("keras.optimizers.Adam")).differences
        == so.like("keras.optimizers.Adam").differences
    )


REFUSED = {
    "an unknown class": (("torch.optim.Adm", {}), "did you mean 'torch.optim.Adam'"),
    "an unknown argument": (
        ("torch.optim.Adam", {"learning_rate": 1}),
        "torch.optim.Adam has no argument 'learning_rate'",
    ),
    "a misspelt argument": (("keras.optimizers.Adam", {"beta1": 0.9}), "did you mean 'beta_1'"),
    "without a counterpart": (
        ("keras.optimizers.SGD", {"use_ema": True}),
        "use_ema has no counterpart",
    ),
    "fused": (("torch.optim.Adam", {"fused": True}), "fused has no counterpart"),
    "float32 clipping": (
        ("pytorch_optimizer.Adan", {"max_grad_norm": 1.0}),
        "max_grad_norm has no counterpart",
    ),
    "a missing argument": (("optax.adam", {}), "optax.adam needs learning_rate"),
    "two names for one": (
        ("keras.optimizers.SGD", {"lr": 0.1, "learning_rate": 0.1}),
        "given twice",
    ),
    "two ways to clip": (
        ("keras.optimizers.SGD", {"clipnorm": 1.0, "clipvalue": 1.0}),
        "only one of clipnorm",
    ),
    "what torch refuses": (
        ("torch.optim.SGD", {"nesterov": True}),
        "momentum above 0 and dampening 0",
    ),
    "a beta of 1": (("torch.optim.Adam", {"betas": (1.0, 0.999)}), "expected beta1 in [0, 1)"),
    "no class": ((3, {}), "expected a class"),
    "one beta": (
        ("torch.optim.Adam", {"betas": 0.9}),
        "expected 2 values, as in betas=(0.9, 0.999)",
    ),
    "three betas": (("torch.optim.NAdam", {"betas": (0.9, 0.9, 0.9)}), "expected 2 values"),
    "no flag": (("torch.optim.Adam", {"amsgrad": "yes"}), "expected True or False"),
    "a text": (("torch.optim.Adam", {"lr": "0.1"}), "torch.optim.Adam: adam(eta='0.1')"),
    "a schedule and an axis at once": (
        ("torch.optim.Adagrad", {"lr": [0.1, 0.2], "lr_decay": 0.1}),
        "one number for each",
    ),
    "sizes in the wrong order": (
        ("torch.optim.Rprop", {"step_sizes": (50, 1e-6)}),
        "the smallest first",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    (name, given), words = REFUSED[case]
    with pytest.raises(so.RuleError) as error:
        so.like(name, **given)
    assert words in str(error.value)


def test_defaults_without_effect_may_be_given():
    """A training script often spells them out."""
    given = {
        "foreach": None,
        "fused": None,
        "capturable": False,
        "amsgrad": False,
        "weight_decay": 0,
    }
    np.testing.assert_array_equal(path(so.like("torch.optim.Adam", **given)), path(so.adam()))


def test_a_class_itself_is_known_by_its_name():
    class Adam:
        __module__ = "torch.optim.adam"

    assert so.like(Adam, lr=0.5).values == so.like("torch.optim.Adam", lr=0.5).values
