"""Formulas that take turns, at any depth, against whole orbits in fixed-point integers."""

from __future__ import annotations

import ast
from fractions import Fraction

import numpy as np
import pytest
from escape_jobs import exact_place, job_at
from turns_oracle import ended

from deepzoom import systems
from deepzoom.backends.escape_time.exact import exact_pixels
from deepzoom.backends.escape_time.float64 import ExactJob, Float64Job
from deepzoom.backends.kernels.escape_time.generated import text_of
from deepzoom.coordinates import format_decimal, rounded
from deepzoom.errors import InputError
from deepzoom.formula.turns import parse_turns

PLACES = {
    "z**2 + c; (abs(x)+1j*abs(y))**2+c": (
        "-0.653897673918628841187618235603536589700800311690271873137890260335055446",
        "-0.500145343440441956091219275627217952321458315912821547804305410796066549",
    ),
    "z**2 + c {2}; z**3 + c": (
        "-0.639540899118479362861301711352876158078462688329811090277421261620560903",
        "-0.093814658240306446462370507071913692335063699710805287795268081770206841",
    ),
    "z**3 + c; fold(z**4) + c; z**2 + c": (
        "-0.142722028855394495965080143685476093068109371703991352195746356521318346",
        "-0.622488773662300335213184134870038414482946825932349754929175777383079677",
    ),
    "z**2 + c; z**2; conj(z)**3 + c": (
        "-0.217623489146776932195499285831659663122655055882411880304056784223027224",
        "0.655367546622347857230578196945554542778955703071103211170808665865515164",
    ),
    "(abs(x)+1j*abs(y))**2+c {2}; z**2 + c {3}": (
        "0.220360944639931144248429086679966929594291395421235748251200758696547633",
        "-0.669667655749359016104911147176704371665228647759023904723549927174374987",
    ),
    "z**2 + c {3}; loop: z**2 + c; (abs(x)+1j*abs(y))**2+c": (
        "-0.576060195217475160087793084368783677681123876335944434124951722761279440",
        "-0.545773628796384175083612085161225347995863656287258835077872200695911623",
    ),
    "fold(z**4) + c {2}; loop: z**2 + c; z**3 + c {2}": (
        "-0.337416552673676178213495529701199158105860271907306234705539906762231607",
        "0.463550639798985830703651276860897683221131152519006753981259389406160993",
    ),
}
"""Points on the border of the set of starts that have not escaped after 1,200 iterations, found by bisection."""
QUICK = [("z**2 + c {3}; loop: z**2 + c; (abs(x)+1j*abs(y))**2+c", "1e-20")]
LIMIT = 1200


def cycle_of(text):
    """(a cycle's steps, those of its beginning) as ``ended`` takes them; written apart from the package's parser."""
    names, beginning = [], []
    for part in text.split("; "):
        if part.startswith("loop: "):
            beginning, names, part = names, [], part[6:]
        formula, _, count = part.partition(" {")
        names += [formula] * (int(count[:-1]) if count else 1)
    return names, beginning


def end_of(text, x, y, limit, bits):
    cycle, beginning = cycle_of(text)
    return ended(cycle, x, y, limit, bits, beginning=beginning)


def settled_are_right(out, job, pixels, text, depth, limit=LIMIT):
    """Every settled pixel has the oracle's count, and its smooth count to 1e-6."""
    bits = 2000 + int(4 * float(depth.split("e-")[1]))
    for k in np.flatnonzero(out.trust > 0).tolist():
        n, smooth = end_of(text, *exact_place(job.view, int(pixels[k])), limit, bits)
        assert out.iterations[k] == n, pixels[k]
        assert out.measure[k] == pytest.approx(-1 if smooth is None else smooth, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        pytest.param(t, d, marks=[] if (t, d) in QUICK else pytest.mark.slow)
        for t in PLACES
        for d in ("1e-3", "1e-20", "1e-60")
    ],
)
def test_pixels_against_an_independent_oracle(own_cache, text, depth):
    """Without retries, after them, and in the first of them."""
    job = job_at("formula", {"formula": text}, *PLACES[text], depth, 64, LIMIT)
    count = 24 if (text, depth) in QUICK else 200
    pixels = np.random.default_rng(len(text)).choice(64 * 64, count, replace=False)
    settled_are_right(job.first(pixels), job, pixels, text, depth)
    settled_are_right(job.retry(pixels[: count // 4], 0), job, pixels, text, depth)
    out = job.run(pixels)
    settled_are_right(out, job, pixels, text, depth)
    assert (out.trust > 0).mean() > 0.9 and len(np.unique(out.iterations)) > 5


@pytest.mark.slow
@pytest.mark.parametrize("text", [*list(PLACES)[:2], QUICK[0][0]])
def test_pixels_below_the_range_of_float64(own_cache, text):
    """At 1e-340, where pixels that escape at the limit meet others: differences carry exponents."""
    limit = 2600
    x, y = (Fraction(v) for v in PLACES[text])
    low, high = Fraction(0), Fraction(4)
    for _ in range(1160):
        middle = (low + high) / 2
        low, high = (middle, high) if end_of(text, middle * x, middle * y, limit, 1500)[0] == 0 else (low, middle)
    numbers = (format_decimal(rounded(low * v, Fraction(1, 10**348))) for v in (x, y))
    job = job_at("formula", {"formula": text}, *numbers, "1e-340", 64, limit)
    pixels = np.random.default_rng(1).choice(64 * 64, 40, replace=False)
    out = job.run(pixels)
    settled_are_right(out, job, pixels, text, "1e-340", limit)
    assert (out.trust > 0).mean() > 0.8 and set(out.iterations) == {0, limit}


def test_smooth_counts_have_no_jump(own_cache):
    """Outside of the set, where the degrees of neighbouring steps differ."""
    job = job_at("formula", {"formula": "z**2 + c; z**3 + c"}, "2.5", "0.5", "2.5", 64, 100, Float64Job)
    lines = job.run(np.arange(64 * 64)).measure.reshape(64, 64)
    fine = job_at("formula", {"formula": "z**2 + c; z**3 + c"}, "2.5", "0.5", "1.25", 64, 100, Float64Job)
    finer = fine.run(np.arange(64 * 64)).measure.reshape(64, 64)
    assert lines.min() > 0
    assert np.abs(np.diff(finer)).max() < 0.6 * np.abs(np.diff(lines)).max()


def test_a_chaotic_pixel_that_escapes_late_is_not_settled_as_inside(own_cache):
    """Two exact runs with too few bits both miss its escape at 1126; they must not count as agreement."""
    text = "z**3 + c; fold(z**4) + c; z**2 + c"
    job = job_at("formula", {"formula": text}, *PLACES[text], "1e-3", 64, LIMIT, ExactJob)
    few = exact_pixels(job.kernels, job.system, job.view, np.array([89]), 209)
    assert few.trust[0] < 0
    out = job.run(np.array([89]))
    assert (out.trust[0], out.iterations[0]) == (1, end_of(text, *exact_place(job.view, 89), LIMIT, 3000)[0])


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("z**2 + c {0}; z**3", "the count {0} is not from 1 to 32"),
        ("z**2 + c {33}", "the count {33} is not from 1 to 32"),
        ("z**2 + c {20}; z**3 + c {20}", "the formulas' counts add up to more than 32"),
        ("{2} z**2 + c", "is not a formula with its count in braces at the end"),
        ("z**2 + c;", "'' is not a formula such as z**2 + c"),
        ("z**2 + c {2} {3}", "is not a formula with its count"),
        ("z**2 + c; loop: z**3 + c; loop: z**4 + c", "'loop:' stands 2 times"),
        ("z**2 + c; loop:", "'' is not a formula such as z**2 + c"),
        ("z**2 + c; loop", "unknown name 'loop'"),
        ("z**2 + c; loop: loop: z**3", "'loop:' stands 2 times"),
        ("z**2 + c loop: z**3", "'z**2 + c loop: z**3' is not a formula"),
    ],
)
def test_bad_turns_are_one_sentence(text, phrase):
    with pytest.raises(InputError) as caught:
        parse_turns(text)
    assert phrase in str(caught.value) and "\n" not in str(caught.value)


def test_turns_are_read():
    (one, same, other), loop = parse_turns("z**2 + c {2}; x + i*y*2")
    assert one is same and one is not other and loop == 0
    formulas, loop = parse_turns("z**2 + c {2}; loop: x + i*y*2; z**3 {3}")
    assert (len(formulas), loop) == (6, 2) and parse_turns("loop : z**2; z**3").loop == 0
    iteration = systems.create("formula", {"formula": "z**9 + c {2}; loop: z**2 + c; z**3"}).iteration
    assert [iteration.turn(n) for n in range(9)] == [0, 1, 2, 3, 2, 3, 2, 3, 2]
    assert iteration.mean_degree == pytest.approx(6**0.5)
    assert systems.create("formula", {"formula": "z**2 + c {2}; z**3"}).iteration.mean_degree == pytest.approx(
        12 ** (1 / 3)
    )


@pytest.mark.parametrize("formula", ["z**2 + c", "z**3 + c; loop: fold(z)**2 + c", "sin(z) + c"])
def test_no_two_files_of_a_module_define_the_same_name(formula):
    """The files of the loops are joined to one module: a second definition would replace the first in all of them."""
    iteration = systems.create("formula", {"formula": formula}).iteration
    names = []
    for node in ast.parse(text_of(iteration, False)).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        names += [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        names += [node.name] if isinstance(node, ast.FunctionDef) else []
    assert len(names) > 100 and [n for n in set(names) if names.count(n) > 1] == []
