"""Power series of expansions, and the constants that functions of expansions are made of.

Horner's scheme, as loops in LLVM: unrolled code of eight limbs would take long to compile. A term far from the first
needs fewer digits, so the loops begin with single limbs and end with all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import count, groupby
from typing import Any

import gmpy2
from llvmlite import ir

from .expansion import Levels, Values, filled, two_sum
from .simd_llvm import constant, emit_splat

_i64 = ir.IntType(64)
_GUARD = 6  # bits that a term may need beyond its share

Table = tuple[tuple[float, ...], ...]
"""Coefficients, the highest first, each with the limbs that it needs."""


def split(value: Any, limbs: int) -> list[float]:
    """An mpfr or rational number as float64 limbs."""
    rest, parts = gmpy2.mpq(value), []  # exactly, whatever precision gmpy2 is set to
    for _ in range(limbs):
        parts.append(float(rest))
        rest -= gmpy2.mpq(parts[-1])
    return parts


def _bits(value: Fraction) -> float:
    return math.log2(abs(value).numerator) - math.log2(value.denominator)


def _table(terms: Iterable[Fraction], size: float, limbs: int) -> Table:
    """The coefficients that matter for arguments up to ``size``, where the first is 1."""
    rows = []
    for j, value in enumerate(terms):
        bits = 53 * limbs + _GUARD + _bits(value) + j * math.log2(size)
        if bits < 0:
            break
        rows.append(tuple(split(value, min(limbs, max(1, math.ceil(bits / 53))))))
    return tuple(reversed(rows))


@lru_cache(maxsize=16)
def exponential_table(limbs: int, size: float) -> Table:
    """Coefficients of (exp(r) - 1) / r."""
    return _table((Fraction(1, math.factorial(j + 1)) for j in count()), size, limbs)


@lru_cache(maxsize=16)
def logarithm_table(limbs: int, size: float) -> Table:
    """Coefficients of log(1 + v) / v."""
    return _table((Fraction((-1) ** j, j + 1) for j in count()), size, limbs)


@lru_cache(maxsize=16)
def circular_tables(limbs: int, size: float) -> tuple[Table, Table]:
    """Coefficients of sin(r) / r and cos(r) in r**2; both tables have the same limbs, those that the cosine needs."""

    def inverse(odd: int) -> Iterator[Fraction]:
        return (Fraction((-1) ** j, math.factorial(2 * j + odd)) for j in count())

    cosine = _table(inverse(0), size, limbs)
    sine = (split(value, len(row)) for value, row in zip(inverse(1), reversed(cosine)))
    return tuple(reversed([tuple(row) for row in sine])), cosine


@lru_cache(maxsize=8)
def tanh_table(limbs: int) -> Table:
    """Coefficients of tanh(r ln 2 / 2) / r in r**2, |r| <= 1/2: each adds 6.3 bits, as tanh has a pole at i pi / 2."""
    per_term = -2 * math.log2(math.log(2) / 4 / (math.pi / 2))
    terms = math.ceil((53 * limbs + _GUARD) / per_term) + 1
    tanh = [Fraction(1)]  # t' = 1 - t**2, t odd
    for j in range(1, terms):
        tanh.append(-sum((tanh[i] * tanh[j - 1 - i] for i in range(j)), Fraction(0)) / (2 * j + 1))
    rows = []
    with gmpy2.context(precision=53 * limbs + 64):
        half = gmpy2.log(gmpy2.mpfr(2)) / 2
        for j, t in enumerate(tanh):
            value = gmpy2.mpq(t.numerator, t.denominator) * half ** (2 * j + 1)
            needed = math.ceil((53 * limbs + _GUARD - j * per_term) / 53)
            rows.append(tuple(split(value, min(limbs, max(1, needed)))))
    return tuple(reversed(rows))


@lru_cache(maxsize=32)
def ln2(limbs: int) -> list[float]:
    """The logarithm of 2 as limbs."""
    with gmpy2.context(precision=53 * limbs + 64):
        return split(gmpy2.const_log2(), limbs)


@lru_cache(maxsize=32)
def half_pi(limbs: int) -> list[float]:
    """pi / 2 as limbs."""
    with gmpy2.context(precision=53 * limbs + 64):
        return split(gmpy2.const_pi() / 2, limbs)


def emit_renormalised(builder: Any, levels: Levels, limbs: int) -> Values:
    """The leading limbs of a sum whose first levels may have cancelled."""
    values = levels.expansion()
    for _ in range(2):  # each moves a limb that is 0 to the end
        for i in range(len(values) - 1):
            values[i], values[i + 1] = two_sum(builder, values[i], values[i + 1])
    return values[:limbs]


def emit_constants(values: list[float], kind: Any) -> Values:
    return [constant(v, kind) for v in values]


def _in_memory(builder: Any, table: Table) -> Any:
    """Pointer to the numbers of a table, which become a constant of the module."""
    numbers = [x for row in table for x in row]
    kind = ir.ArrayType(ir.DoubleType(), len(numbers))
    space = 4 if builder.module.triple.startswith("nvptx") else 0  # constant memory
    name = builder.module.get_unique_name("series")
    variable = ir.GlobalVariable(builder.module, kind, name, addrspace=space)
    variable.initializer = ir.Constant(kind, numbers)
    variable.global_constant, variable.linkage = True, "internal"
    return variable


def emit_series(builder: Any, tables: list[Table], argument: Values, where: Any = None) -> Values:
    """The sum of coefficient j times argument**j, with as many limbs as the lowest coefficient.

    Of two tables with equal limbs, lanes take the second where ``where`` holds, else the first.
    """
    kind = argument[0].type
    memory = [_in_memory(builder, table) for table in tables]
    sum_, first = [constant(0.0, kind)], 0
    for limbs, rows in groupby(map(len, tables[0])):
        terms = len(list(rows))
        sum_ = _loop(builder, memory, first, terms, filled(sum_, limbs), argument, where)
        first += terms * limbs
    return sum_


def _loop(builder: Any, memory: list[Any], first: int, terms: int, start: Values, argument: Values, where: Any) -> Any:
    """Horner's scheme for coefficients with as many limbs each as ``start``, from number ``first`` of a table on."""
    limbs, kind, before = len(start), start[0].type, builder.block
    body, after = builder.append_basic_block("term"), builder.append_basic_block("terms.end")
    builder.branch(body)
    builder.position_at_end(body)
    at, sum_ = builder.phi(_i64), [builder.phi(kind) for _ in start]
    at.add_incoming(ir.Constant(_i64, first), before)

    def coefficient(limb: int) -> Any:
        place = [ir.Constant(_i64, 0), builder.add(at, ir.Constant(_i64, limb))]
        found = [emit_splat(builder, builder.load(builder.gep(m, place)), kind) for m in memory]
        return found[0] if where is None else builder.select(where, found[1], found[0])

    levels = Levels(builder, limbs, [coefficient(i) for i in range(limbs)])
    levels.put_product(sum_, argument)
    values = levels.expansion() if limbs > 1 else levels.values
    following = builder.add(at, ir.Constant(_i64, limbs))
    at.add_incoming(following, body)
    for old, begin, new in zip(sum_, start, values):
        old.add_incoming(begin, before)
        old.add_incoming(new, body)
    more = builder.icmp_signed("<", following, ir.Constant(_i64, first + terms * limbs))
    builder.cbranch(more, body, after)
    builder.position_at_end(after)
    return values
