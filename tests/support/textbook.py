"""Text-book optimizers in plain NumPy, written from the papers: independent references for the rules of symopt."""

import functools
from itertools import count

import numpy as np
from numpy import maximum, sign, sqrt
from numpy.linalg import norm


def rule(points):
    """The trajectory, shape (steps + 1, n), of a generator of the points after each step."""

    @functools.wraps(points)
    def trajectory(grad, theta, steps, **hyperparameters):
        start = np.array(theta, dtype=float)
        after = points(lambda at: np.array(grad(at), dtype=float), start, steps, **hyperparameters)
        return np.array([start, *after])

    return trajectory


def mix(beta, old, new):
    """One step of an exponential average."""
    return beta * old + (1 - beta) * new


@rule
def gd(grad, theta, steps, *, eta=0.01):
    """Gradient descent, Cauchy 1847."""
    for _ in range(steps):
        theta = theta - eta * grad(theta)
        yield theta


@rule
def momentum(grad, theta, steps, *, eta=0.01, beta=0.9):
    """Heavy-ball momentum, Polyak 1964."""
    m = 0 * theta
    for _ in range(steps):
        m = beta * m - eta * grad(theta)
        theta = theta + m
        yield theta


@rule
def nesterov(grad, theta, steps, *, eta=0.01, beta=0.9):
    """Accelerated gradient, Nesterov 1983, in the look-ahead form of Sutskever et al. 2013."""
    m = 0 * theta
    for _ in range(steps):
        m = beta * m - eta * grad(theta + beta * m)
        theta = theta + m
        yield theta


@rule
def adagrad(grad, theta, steps, *, eta=0.01, epsilon=1e-8):
    """AdaGrad, Duchi, Hazan & Singer 2011."""
    s = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        s = s + g**2
        theta = theta - eta * g / sqrt(s + epsilon)
        yield theta


@rule
def adadelta(grad, theta, steps, *, eta=1.0, rho=0.9, epsilon=1e-6):
    """AdaDelta, Zeiler 2012."""
    v = d = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        v = mix(rho, v, g**2)
        step = sqrt(d + epsilon) / sqrt(v + epsilon) * g
        d = mix(rho, d, step**2)
        theta = theta - eta * step
        yield theta


@rule
def rmsprop(grad, theta, steps, *, eta=0.001, rho=0.9, epsilon=1e-8):
    """RMSProp, Tieleman & Hinton 2012 (lecture)."""
    v = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        v = mix(rho, v, g**2)
        theta = theta - eta * g / sqrt(v + epsilon)
        yield theta


@rule
def adam(grad, theta, steps, *, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam, Kingma & Ba 2014."""
    m = v = 0 * theta
    for t in range(1, steps + 1):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - eta * m_hat / (sqrt(v_hat) + epsilon)
        yield theta


@rule
def amsgrad(grad, theta, steps, *, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """AMSGrad, Reddi, Kale & Kumar 2018, without bias correction as in the paper."""
    m = v = v_max = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        v_max = maximum(v_max, v)
        theta = theta - eta * m / (sqrt(v_max) + epsilon)
        yield theta


@rule
def adamax(grad, theta, steps, *, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """AdaMax, Kingma & Ba 2014."""
    m = u = 0 * theta
    for t in range(1, steps + 1):
        g = grad(theta)
        m = mix(beta1, m, g)
        u = maximum(beta2 * u, np.abs(g) + epsilon)
        theta = theta - eta / (1 - beta1**t) * m / u
        yield theta


@rule
def adamw(
    grad, theta, steps, *, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01
):
    """AdamW, Loshchilov & Hutter 2017."""
    m = v = 0 * theta
    for t in range(1, steps + 1):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - eta * (m_hat / (sqrt(v_hat) + epsilon) + weight_decay * theta)
        yield theta


@rule
def nadam(
    grad, theta, steps, *, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=0.004
):
    """Nadam, Dozat 2016, with its schedule of the momentum."""
    return nadam_points(grad, theta, steps, eta, beta1, beta2, epsilon, momentum_decay, 0.0)


@rule
def nadamw(
    grad,
    theta,
    steps,
    *,
    eta=0.002,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    momentum_decay=0.004,
    weight_decay=0.01,
):
    """Nadam, Dozat 2016, with the decoupled weight decay of Loshchilov & Hutter 2017."""
    return nadam_points(
        grad, theta, steps, eta, beta1, beta2, epsilon, momentum_decay, weight_decay
    )


def nadam_points(grad, theta, steps, eta, beta1, beta2, epsilon, momentum_decay, weight_decay):
    """What nadam and nadamw share."""
    m = v = 0 * theta
    product = 1.0  # mu_1 ... mu_t
    for t in range(1, steps + 1):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (t, t + 1))
        product *= mu
        look = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        theta = theta - eta * (look / (sqrt(v / (1 - beta2**t)) + epsilon) + weight_decay * theta)
        yield theta


@rule
def radam(grad, theta, steps, *, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """RAdam, Liu et al. 2019, rectified where rho_t > 4 as in the paper."""
    m = v = 0 * theta
    rho_inf = 2 / (1 - beta2) - 1
    for t in range(1, steps + 1):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        direction = m / (1 - beta1**t)
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho > 4:
            r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            direction = r * direction / (sqrt(v / (1 - beta2**t)) + epsilon)
        theta = theta - eta * direction
        yield theta


@rule
def adabelief(
    grad, theta, steps, *, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=1e-16
):
    """AdaBelief, Zhuang et al. 2020."""
    m = s = 0 * theta
    for t in range(1, steps + 1):
        g = grad(theta)
        m = mix(beta1, m, g)
        s = mix(beta2, s, (g - m) ** 2) + epsilon_root
        theta = theta - eta * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + epsilon)
        yield theta


@rule
def yogi(
    grad, theta, steps, *, eta=0.01, beta1=0.9, beta2=0.999, epsilon=1e-3, initial_accumulator=1e-6
):
    """Yogi, Zaheer et al. 2018, both averages starting at initial_accumulator."""
    m = v = np.full_like(theta, initial_accumulator)
    for t in range(1, steps + 1):
        g = grad(theta)
        m = mix(beta1, m, g)
        v = v - (1 - beta2) * sign(v - g**2) * g**2
        theta = theta - eta * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + epsilon)
        yield theta


@rule
def lion(grad, theta, steps, *, eta=0.0001, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Lion, Chen et al. 2023."""
    m = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        theta = theta - eta * (sign(mix(beta1, m, g)) + weight_decay * theta)
        m = mix(beta2, m, g)
        yield theta


@rule
def adan(
    grad,
    theta,
    steps,
    *,
    eta=0.001,
    beta1=0.98,
    beta2=0.92,
    beta3=0.99,
    epsilon=1e-8,
    weight_decay=0.0,
):
    """Adan, Xie et al. 2022, betas large, with bias corrections and the proximal decay."""
    m = v = n = 0 * theta
    last = None
    for t in range(1, steps + 1):
        g = grad(theta)
        d = 0 * g if last is None else g - last
        last = g
        m, v, n = mix(beta1, m, g), mix(beta2, v, d), mix(beta3, n, (g + beta2 * d) ** 2)
        direction = m / (1 - beta1**t) + beta2 * v / (1 - beta2**t)
        step = eta * direction / (sqrt(n / (1 - beta3**t)) + epsilon)
        theta = (theta - step) / (1 + eta * weight_decay)
        yield theta


@rule
def rprop(grad, theta, steps, *, eta=0.01, shrink=0.5, grow=1.2, smallest=1e-6, largest=50.0):
    """The variant iRprop- (Igel & Huesken 2000) of Rprop, Riedmiller & Braun 1993."""
    last = 0 * theta
    size = np.full_like(theta, eta)
    for _ in range(steps):
        g = grad(theta)
        agreement = sign(g) * sign(last)
        factor = np.where(agreement > 0, grow, np.where(agreement < 0, shrink, 1.0))
        size = np.clip(size * factor, smallest, largest)
        g = np.where(agreement < 0, 0.0, g)
        theta = theta - size * sign(g)
        last = g
        yield theta


def schedule_free_points(
    grad, theta, steps, direction, eta, beta, warmup, r, weight_power, weight_decay
):
    """What the schedule-free rules share: the averaged points x."""
    x = y = z = theta
    total = largest = 0.0
    for t in range(1, steps + 1):
        eta_t = eta * min(1.0, t / warmup) if warmup else eta
        largest = max(largest, eta_t)
        weight = t**r * largest**weight_power
        total += weight
        z = z - eta_t * (direction(t, grad(y)) + weight_decay * y)
        x = (1 - weight / total) * x + weight / total * z
        y = (1 - beta) * z + beta * x
        yield x


@rule
def schedule_free_sgd(
    grad, theta, steps, *, eta=1.0, beta=0.9, warmup=0, r=0.0, weight_power=2.0, weight_decay=0.0
):
    """Schedule-free SGD, Defazio et al. 2024: the averaged point x."""
    return schedule_free_points(
        grad, theta, steps, lambda t, g: g, eta, beta, warmup, r, weight_power, weight_decay
    )


@rule
def schedule_free_adamw(
    grad, theta, steps, *, eta=0.0025, beta1=0.9, beta2=0.999, epsilon=1e-8, warmup=0, r=0.0, weight_power=2.0,
    weight_decay=0.0,
):  # fmt: skip
    """Schedule-free AdamW, Defazio et al. 2024: the averaged point x."""
    v = 0 * theta

    def direction(t, g):
        nonlocal v
        v = mix(beta2, v, g**2)
        return g / (sqrt(v / (1 - beta2**t)) + epsilon)

    return schedule_free_points(
        grad, theta, steps, direction, eta, beta1, warmup, r, weight_power, weight_decay
    )


@rule
def signsgd(grad, theta, steps, *, eta=0.01):
    """signSGD, Bernstein et al. 2018."""
    for _ in range(steps):
        theta = theta - eta * sign(grad(theta))
        yield theta


@rule
def qhm(grad, theta, steps, *, eta=0.01, beta=0.9, nu=0.7):
    """Quasi-hyperbolic momentum, Ma & Yarats 2018."""
    b = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        b = mix(beta, b, g)
        theta = theta - eta * ((1 - nu) * g + nu * b)
        yield theta


@rule
def qhadam(
    grad, theta, steps, *, eta=0.001, beta1=0.9, beta2=0.999, nu1=0.7, nu2=1.0, epsilon=1e-8
):
    """Quasi-hyperbolic Adam, Ma & Yarats 2018."""
    m = v = 0 * theta
    for t in range(1, steps + 1):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        denominator = sqrt((1 - nu2) * g**2 + nu2 * v_hat) + epsilon
        theta = theta - eta * ((1 - nu1) * g + nu1 * m_hat) / denominator
        yield theta


@rule
def polyak_step(grad, theta, steps, *, value, optimal_value=0.0):
    """Gradient descent with the step length of Polyak 1969 (1987)."""
    for _ in range(steps):
        g = grad(theta)
        square = g @ g
        if square > 0:
            theta = theta - (value(theta) - optimal_value) / square * g
        yield theta


@rule
def adagrad_norm(grad, theta, steps, *, eta=0.01, epsilon=1e-8, initial_accumulator=0):
    """AdaGrad-Norm, Ward, Wu & Bottou 2019."""
    b2 = initial_accumulator
    for _ in range(steps):
        g = grad(theta)
        b2 = b2 + g @ g
        theta = theta - eta * g / sqrt(b2 + epsilon)
        yield theta


@rule
def heavy_ball(grad, theta, steps, *, eta=0.01, kappa=100.0):
    """Heavy ball with the optimal constants for quadratics, Polyak 1964, eta = 1/L."""
    L, mu = 1 / eta, 1 / (eta * kappa)
    alpha = 4 / (sqrt(L) + sqrt(mu)) ** 2
    beta = ((sqrt(kappa) - 1) / (sqrt(kappa) + 1)) ** 2
    last = theta
    for _ in range(steps):
        theta, last = theta - alpha * grad(theta) + beta * (theta - last), theta
        yield theta


@rule
def triple_momentum(grad, theta, steps, *, eta=0.01, kappa=100.0):
    """Triple momentum, Van Scoy, Freeman & Lynch 2018, eta = 1/L: the output x."""
    L, rho = 1 / eta, 1 - 1 / sqrt(kappa)
    alpha, beta = (1 + rho) / L, rho**2 / (2 - rho)
    gamma, delta = rho**2 / ((1 + rho) * (2 - rho)), rho**2 / (1 - rho**2)
    xi = last = theta
    for _ in range(steps):
        y = (1 + gamma) * xi - gamma * last
        xi, last = (1 + beta) * xi - beta * last - alpha * grad(y), xi
        yield (1 + delta) * xi - delta * last


@rule
def ogm(grad, theta, steps, *, eta=0.01):
    """Optimized gradient method, Kim & Fessler 2016, eta = 1/L, the last factor as its own: x_N of the bound."""
    x = y = theta
    factor = 1.0
    for t in range(1, steps + 1):
        new = (1 + sqrt(1 + (8 if t == steps else 4) * factor**2)) / 2
        y_new = x - eta * grad(x)
        x = y_new + (factor - 1) / new * (y_new - y) + factor / new * (y_new - x)
        y, factor = y_new, new
        yield x


@rule
def extragradient(grad, theta, steps, *, eta=0.01):
    """Extragradient, Korpelevich 1976."""
    for _ in range(steps):
        theta = theta - eta * grad(theta - eta * grad(theta))
        yield theta


@rule
def sam(grad, theta, steps, *, eta=0.01, rho=0.05):
    """Sharpness-aware minimization, Foret et al. 2021, with gradient descent."""
    for _ in range(steps):
        g = grad(theta)
        if norm(g) > 0:
            g = grad(theta + rho * g / norm(g))
        theta = theta - eta * g
        yield theta


@rule
def lamb(grad, theta, steps, *, eta=0.01, beta1=0.9, beta2=0.999, epsilon=1e-6, weight_decay=0.0):
    """LAMB, You et al. 2020, theta as one layer."""
    m = v = 0 * theta
    for t in range(1, steps + 1):
        g = grad(theta)
        m, v = mix(beta1, m, g), mix(beta2, v, g**2)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        u = m_hat / (sqrt(v_hat) + epsilon) + weight_decay * theta
        ratio = norm(theta) / norm(u) if norm(theta) > 0 and norm(u) > 0 else 1.0
        theta = theta - eta * ratio * u
        yield theta


@rule
def lars(grad, theta, steps, *, eta=1.0, beta=0.9, trust=0.001, weight_decay=0.0):
    """LARS, You, Gitman & Ginsburg 2017, theta as one layer."""
    m = 0 * theta
    for _ in range(steps):
        g = grad(theta)
        size, slope = norm(theta), norm(g)
        local = trust * size / (slope + weight_decay * size) if size > 0 and slope > 0 else 1.0
        m = beta * m + eta * local * (g + weight_decay * theta)
        theta = theta - m
        yield theta


@rule
def silver(grad, theta, steps, *, eta=0.01):
    """Gradient descent with the silver steps, Altschuler & Parrilo 2023, eta = 1/L."""
    for t in range(1, steps + 1):
        nu = next(k for k in count() if t % 2 ** (k + 1))
        theta = theta - eta * (1 + (1 + sqrt(2)) ** (nu - 1)) * grad(theta)
        yield theta


RULES = {
    function.__name__: function
    for function in (
        gd, momentum, nesterov, adagrad, adadelta, rmsprop, adam, amsgrad, adamax, adamw, nadam, nadamw, radam,
        adabelief, yogi, lion, adan, rprop, schedule_free_sgd, schedule_free_adamw, signsgd, qhm, qhadam, polyak_step,
        adagrad_norm, heavy_ball, triple_momentum, ogm, extragradient, sam, lamb, lars, silver,
    )
}  # fmt: skip
