"""How the coefficients of the polynomials of ``symopt.compiler.library`` were found.

Each function is interpolated at Chebyshev points in 60 digits, which is within a small factor of
the best polynomial of that degree, and written as monomials rounded to doubles. The script prints
the coefficients, lowest power first, and the largest error of the fit on the interval.
Run it with ``python experiments/speed/vecmath_fit.py``.
"""

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60


def odd_rest(function: Callable[[mp.mpf], mp.mpf], power: int) -> Callable[[mp.mpf], mp.mpf]:
    """Return z -> (f(s) - s)/s**power at s = sqrt(z), with its limit at 0 from a Taylor series."""
    taylor = mp.taylor(function, 0, 12)

    def rest(z: mp.mpf) -> mp.mpf:
        s = mp.sqrt(z)
        if s < mp.mpf("1e-4"):
            return sum(taylor[power + 2 * k] * z**k for k in range(4))
        return (function(s) - s) / s**power

    return rest


def fit(
    name: str, function: Callable[[mp.mpf], mp.mpf], low: float, high: float, degree: int
) -> None:
    """Print the polynomial of ``function`` on [low, high] and its largest error."""
    low, high = mp.mpf(low), mp.mpf(high)
    nodes = [mp.cos(mp.pi * (2 * k + 1) / (2 * degree + 2)) for k in range(degree + 1)]
    points = [(low + high) / 2 + (high - low) / 2 * node for node in nodes]
    matrix = mp.matrix([[point**k for k in range(degree + 1)] for point in points])
    coefficients = mp.lu_solve(matrix, mp.matrix([function(point) for point in points]))
    rounded = [float(c) for c in coefficients]
    grid = [low + (high - low) * k / 400 for k in range(401)]
    error = max(abs(mp.polyval(list(reversed(list(coefficients))), x) - function(x)) for x in grid)
    print(f"{name}: error {mp.nstr(error, 3)}")
    print("   ", ", ".join(repr(c) for c in rounded))


def atan_rest(z: mp.mpf) -> mp.mpf:
    """Return (atan(s) - s)/s**3."""
    return odd_rest(mp.atan, 3)(z)


K = mp.mpf("3.75")


def argument(t: mp.mpf) -> mp.mpf:
    """Return a where t = (a - K)/(a + K)."""
    return K * (1 + t) / max(1 - t, mp.mpf("1e-25"))


def erfcx(a: mp.mpf) -> mp.mpf:
    """Return e**(a**2)*erfc(a), far out by its asymptotic series."""
    far = (1 - 1 / (2 * a * a) + 3 / (4 * a**4)) / a / mp.sqrt(mp.pi) if a > 1000 else 0
    return far or mp.exp(a * a) * mp.erfc(a)


def erfcx_slope(a: mp.mpf) -> mp.mpf:
    """Return -erfcx'(a)."""
    far = (1 / a**2 - 3 / (2 * a**4) + 15 / (4 * a**6)) / mp.sqrt(mp.pi) if a > 1000 else 0
    return far or 2 / mp.sqrt(mp.pi) - 2 * a * erfcx(a)


def digits_of_2_by_pi(count: int) -> list[int]:
    """Return the digits to base 2**48 of 2**-24 * 2/pi."""
    with mp.workprec(48 * count + 100):
        rest, found = 2 / mp.pi / 2**24, []
        for _ in range(count):
            rest *= 2**48
            found.append(int(mp.floor(rest)))
            rest -= found[-1]
    return found


if __name__ == "__main__":
    quarter = float(mp.pi / 4) ** 2 * 1.01
    fit("sin (sin s - s)/s^3", odd_rest(mp.sin, 3), 0, quarter, 5)

    def cosine(z):
        """Return (cos(sqrt(z)) - 1 + z/2)/z^2, by its series near 0."""
        if z > 1e-6:
            return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2
        return mp.mpf(1) / 24 - z / 720 + z**2 / 40320

    fit("cos (cos s - 1 + z/2)/z^2", cosine, 0, quarter, 5)
    widest = float(3 - 2 * mp.sqrt(2)) ** 2 * 1.01
    fit("log (atanh s - s)/s^3", odd_rest(mp.atanh, 3), 0, widest, 7)
    fit("atan (atan s - s)/s^3", atan_rest, 0, 0.1717, 10)
    fit("asin (asin s - s)/s^3", odd_rest(mp.asin, 3), 0, 0.2501, 11)
    fit(
        "erf erf(s)/s on [0, 1]",
        lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) if z > 0 else 2 / mp.sqrt(mp.pi),
        0,
        1.0,
        11,
    )
    # u = (a - 2)/(a + 2) maps [1, 6] to [-1/3, 1/2]
    scaled = lambda u: mp.exp((2 * (1 + u) / (1 - u)) ** 2) * mp.erfc(2 * (1 + u) / (1 - u))  # noqa: E731
    fit("erfcx on [1, 6]", scaled, -1 / 3, 0.5, 16)
    for name, value in (
        ("log2(e)", 1 / mp.log(2)),
        ("ln 2", mp.log(2)),
        ("pi/2", mp.pi / 2),
        ("2/pi", 2 / mp.pi),
    ):
        parts, rest = [], value
        for _ in range(3):
            parts.append(float(rest))
            rest -= mp.mpf(parts[-1])
        print(name, ", ".join(repr(part) for part in parts))
    fit("(a + 1/2)*erfcx(a) in t", lambda t: (argument(t) + 0.5) * erfcx(argument(t)), -1, 1, 24)
    fit(
        "-(a + 1/2)^2*erfcx'(a) in t",
        lambda t: (argument(t) + 0.5) ** 2 * erfcx_slope(argument(t)),
        -1,
        1,
        26,
    )
    fit(
        "ln(erfc(x))/x on [-1, 1]",
        lambda x: mp.log(mp.erfc(x)) / x if x else -2 / mp.sqrt(mp.pi),
        -1,
        1,
        23,
    )
    print("2/pi, pairs of digits:", ", ".join(repr(float(pair)) for pair in digits_of_2_by_pi(27)))
