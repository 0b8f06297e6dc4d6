"""How the code of a step is written: in float64 vectors, or in expansions, whose limbs are such vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """Code for the operations on the numbers of a step, each a template for ``str.format``.

    operations: element by element, and ``largest`` of two; ``divide_by_exp`` is ``divide`` where the divisor may be
    infinite (``Values``). place: how many float64 one number of every lane takes; unit: the same of a number that all
    lanes share. load, store, spread: of a number in the lanes, and of one that all share; splat: a literal in every
    lane. returned: the nearest float64. shared, own: matrix products with a left operand that all lanes share, and with
    one of their own; further: their last arguments. begin: the first lines. is_literal: whether a constant is written
    as it is; others are read from ``numbers``. of_arrays: operations of which a routine takes a whole array.
    """

    operations: Mapping[str, str]
    place: str
    unit: str
    load: str
    store: str
    spread: str
    splat: str
    returned: str
    shared: str
    own: str
    further: str
    begin: tuple[str, ...]
    is_literal: Callable[..., bool]
    of_arrays: tuple[str, ...] = ()

    def vector(self, value: str) -> str:
        """Code for a number in every lane, where a value may be a literal."""
        return value if value.isidentifier() else self.splat.format(value)


FLOAT64 = Vocabulary(
    operations={
        "add": "({0} + {1})", "subtract": "({0} - {1})", "multiply": "({0} * {1})", "divide": "divided({0}, {1})",
        "divide_by_exp": "({0} / {1})",
        "negative": "(-{0})", "copy": "{0}", "tanh_scaled": "tanh({0})", "tanh_and_slope": "tanh_and_slope({0})",
        "tanh_slope": "(1.0 - {0} * {0})", "exp": "exp({0})", "log": "log({0})", "sqrt": "square_root({0})",
        "sin": "sine({0})", "cos": "cosine({0})", "softplus": "softplus({0})",
        "positive": "positive({0})", "select": "select({0}, {1}, {2})",
        "largest": "maximum({0}, {1})", "exp_difference": "exp_difference({0}, {1}, {2})",
        "log_difference": "log_difference({0}, {1}, {2})",
        "tanh_difference": "tanh_difference({0}, {1}, {2})",
        "softplus_difference": "softplus_difference({0}, {1}, {2})",
    },
    place="LANES", unit="UNIT", load="load(lanes, {0})", store="store(lanes, {0}, {1})", spread="spread({0}, {1})",
    splat="splat({0})", returned="{0}", shared="contract_shared", own="contract_vector", further="", begin=(),
    is_literal=lambda number: True,
)  # fmt: skip

EXPANSIONS = Vocabulary(
    operations={
        "add": "plus({0}, {1})", "subtract": "minus({0}, {1})", "multiply": "times({0}, {1})",
        "divide": "over({0}, {1})", "divide_by_exp": "over({0}, {1})", "negative": "negative({0})", "copy": "{0}",
        "tanh_slope": "minus(1.0, times({0}, {0}))", "exp": "exp_expansion({0})", "log": "log_expansion({0})",
        "sqrt": "sqrt_expansion({0})", "sin": "sine_expansion({0})", "cos": "cosine_expansion({0})",
        "softplus": "softplus_expansion({0})", "positive": "positive_expansion({0})",
        "select": "expansion_select({0}, {1}, {2})",
        "largest": "expansion_select(positive_expansion(minus({1}, {0})), {1}, {0})",
    },
    place="place", unit="limbs", load="load_expansion(lanes, {0}, kind)", store="store_expansion(lanes, {0}, {1})",
    spread="spread_expansion({0}, {1}, kind)", splat="splat_expansion({0}, kind)", returned="leading({0})",
    shared="contract_shared_with_expansions", own="contract_expansions", further=", kind",
    begin=("limbs = UNIT * len(kind)", "place = LANES * limbs"),
    is_literal=lambda number: number == float(number), of_arrays=("tanh_scaled", "slope_scaled"),
)  # fmt: skip
