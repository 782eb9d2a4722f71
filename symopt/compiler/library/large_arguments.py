"""Sine and cosine of huge arguments, exact remainders of huge quotients.

``trigonometric`` takes |x| to 2**48 and is NaN beyond it, ``exponential.mod`` takes quotients to
2**53. These take the rest, in loops over digits.
"""

from __future__ import annotations

from symopt.compiler.library.exponential import mod_signed, with_sign
from symopt.compiler.library.primitives import (
    bitcast_to_float,
    bitcast_to_int,
    empty,
    fabs,
    floor,
    fma,
)
from symopt.compiler.library.trigonometric import (
    cos_reduced,
    cos_reduced_lost,
    sin_reduced,
    sin_reduced_lost,
)


def two_by_pi(pairs: list[float]) -> float:
    """Write the digits of 2/pi to base 2**24, two in a number; return the first pair."""
    pairs[0] = 10680707.0
    pairs[1] = 121282428742140.0
    pairs[2] = 43258138146013.0
    pairs[3] = 212048484342076.0
    pairs[4] = 74286861537635.0
    pairs[5] = 188973121364407.0
    pairs[6] = 40055842426322.0
    pairs[7] = 246317602236937.0
    pairs[8] = 230425481846251.0
    pairs[9] = 31547233615592.0
    pairs[10] = 143168258358084.0
    pairs[11] = 146138886842036.0
    pairs[12] = 104995864809942.0
    pairs[13] = 63236199806108.0
    pairs[14] = 145545901242664.0
    pairs[15] = 65008500735966.0
    pairs[16] = 6150660501265.0
    pairs[17] = 153218838241133.0
    pairs[18] = 59918269270793.0
    pairs[19] = 201551108859550.0
    pairs[20] = 105459389638586.0
    pairs[21] = 219815989050173.0
    pairs[22] = 7945547567762.0
    pairs[23] = 257749499752735.0
    pairs[24] = 155430711329584.0
    pairs[25] = 78050216356848.0
    pairs[26] = 228406907827254.0
    return pairs[0]


def digit(pairs: list[float], k: int) -> float:
    """The k-th digit to base 2**24."""
    pair = pairs[k >> 1]
    upper = floor(pair * 5.960464477539063e-08)
    return upper if (k & 1) == 0 else fma(-upper, 16777216.0, pair)


def column(m: float, pairs: list[float], k: int) -> float:
    """Column k of the product of a whole number below 2**53 with 2/pi, both to base 2**24."""
    upper = floor(m * 3.552713678800501e-15)
    rest = fma(-upper, 281474976710656.0, m)
    middle = floor(rest * 5.960464477539063e-08)
    lower = fma(-middle, 16777216.0, rest)
    return fma(
        upper, digit(pairs, k + 2), fma(middle, digit(pairs, k + 1), lower * digit(pairs, k))
    )


def turned(x: float, digits: list[float]) -> float:
    """Write |x|*2/pi modulo 4 as eight digits for |x| >= 2**48; return the first's weight.

    With |x| = m * 2**e the digits of 2/pi that 2**e makes multiples of 4 are left out (Payne and
    Hanek 1983); the eight columns of the product hold 120 bits behind all that can cancel.
    """
    size = bitcast_to_int(x) & 9223372036854775807
    e = (size >> 52) - 1075
    above = e + 22 if e > -22 else 0
    first = (above * 2731) >> 16  # above // 24
    m = bitcast_to_float((size & 4503599627370495) | 4841369599423283200)
    pairs = empty(27)
    pairs[0] = two_by_pi(pairs)
    for k in range(0, 8):
        digits[k] = column(m, pairs, first + k)
    for k in range(0, 7):
        carry = floor(digits[7 - k] * 5.960464477539063e-08)
        digits[7 - k] = fma(-carry, 16777216.0, digits[7 - k])
        digits[6 - k] = digits[6 - k] + carry
    return bitcast_to_float((above - 24 * first + 1001) << 52)


def reduced(x: float, rest: list[float]) -> float:
    """Write |x| modulo pi/2, for |x| >= 2**48, in two doubles; return the quadrant."""
    digits = empty(8)
    weight = turned(x, digits)
    whole = digits[0] * weight
    turns = whole - 4.0 * floor(0.25 * whole) + digits[1] * (weight * 5.960464477539063e-08)
    quarter = floor(turns + 0.5)
    near = turns - quarter
    second = digits[2] * (weight * 3.552713678800501e-15)
    head = near + second
    third = fma(digits[4], 5.960464477539063e-08, digits[3]) * (weight * 2.117582368135751e-22)
    third = ((near - head) + second) + third
    fourth = fma(digits[6], 5.960464477539063e-08, digits[5]) * (weight * 7.52316384526264e-37)
    high = head + third
    low = ((head - high) + third) + fourth
    product = high * 1.5707963267948966
    lost = fma(high, 1.5707963267948966, -product) + fma(
        high, 6.123233995736766e-17, low * 1.5707963267948966
    )
    rest[0] = product + lost
    rest[1] = (product - rest[0]) + lost
    return quarter


def sin_far(x: float) -> float:
    """The sine of |x| >= 2**48."""
    rest = empty(2)
    k = bitcast_to_int(reduced(x, rest) + 6755399441055744.0)
    sine = sin_reduced(rest[0]) + sin_reduced_lost(rest[0], rest[1])
    size = sine if (k & 1) == 0 else cos_reduced(rest[0]) + cos_reduced_lost(rest[0], rest[1])
    value = (size if (k & 2) == 0 else -size) * with_sign(1.0, x)
    return value if fabs(x) < bitcast_to_float(9218868437227405312) else x - x


def sin_far_part(x: float) -> float:
    """What sin_far(x) rounds away, as a part of it."""
    rest = empty(2)
    k = bitcast_to_int(reduced(x, rest) + 6755399441055744.0)
    straight = (k & 1) == 0
    near = sin_reduced(rest[0]) if straight else cos_reduced(rest[0])
    lost = sin_reduced_lost(rest[0], rest[1]) if straight else cos_reduced_lost(rest[0], rest[1])
    return ((near - (near + lost)) + lost) / near


def cos_far_part(x: float) -> float:
    """What cos_far(x) rounds away, as a part of it."""
    rest = empty(2)
    k = bitcast_to_int(reduced(x, rest) + 6755399441055744.0)
    straight = (k & 1) == 0
    near = cos_reduced(rest[0]) if straight else sin_reduced(rest[0])
    lost = cos_reduced_lost(rest[0], rest[1]) if straight else sin_reduced_lost(rest[0], rest[1])
    return ((near - (near + lost)) + lost) / near


def cos_far(x: float) -> float:
    """The cosine of |x| >= 2**48."""
    rest = empty(2)
    k = bitcast_to_int(reduced(x, rest) + 6755399441055744.0)
    cosine = cos_reduced(rest[0]) + cos_reduced_lost(rest[0], rest[1])
    size = cosine if (k & 1) == 0 else sin_reduced(rest[0]) + sin_reduced_lost(rest[0], rest[1])
    value = size if ((k + 1) & 2) == 0 else -size
    return value if fabs(x) < bitcast_to_float(9218868437227405312) else x - x


def halved(size: float, larger: float) -> int:
    """How often ``larger`` can be halved and stay at most 2**52 times ``size``."""
    up = (bitcast_to_int(larger) >> 52) - (bitcast_to_int(size) >> 52) - 52
    return up if up > 0 else 0


def mod_far(x: float, y: float) -> float:
    """The remainder of any quotient, 52 bits of it at a time."""
    tiny = fabs(y) < 2.2250738585072014e-308
    scale = 18014398509481984.0 if tiny else 1.0
    b = fabs(y)
    rest = fabs(x)
    for _ in range(0, 43):
        times = halved(b * scale, rest) + (54 if tiny else 0)
        times = times if rest >= 2.2250738585072014e-308 else 0
        half = times >> 1
        step = (
            b
            * bitcast_to_float((half + 1023) << 52)
            * bitcast_to_float((times - half + 1023) << 52)
        )
        step = step if step <= rest else b
        left = fma(-floor(rest / step), step, rest)
        rest = left + step if left < 0.0 else left
    return mod_signed(rest if fabs(x) < bitcast_to_float(9218868437227405312) else x - x, x, y)
