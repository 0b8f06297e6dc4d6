"""Places of twelve collections, as coordinates alone: three pixels of each against whole orbits.

Each is re-typed in a form that deepzoom reads, read, and rendered at 64x36. The collections, by their names in
``SOURCES``:

- ``rust``: locations/*.toml and benchmarks/*.toml of rust-fractal/rust-fractal-core
- ``kf2``: benchmarks/*.kfr of smurfix/kf2
- ``go``: examples/README.md of EduardGomezEscandell/GoMandelbrot
- ``canvas``: src/lib/constants.js of embalex/workerCanvasFractal
- ``hilljaxon``: src/Config.py of hilljaxon/FractalGenerator
- ``prachwal``: src/config.ts of prachwal/mandelbrot-generator
- ``ckormanyos``: mandelbrot/cfg/*.h of ckormanyos/mandelbrot
- ``ilidan16``: fractals/mandelbrot.py of ilidan16/ilidan16
- ``auroram``: src/FractalInformation.py of ad-auroram/Fractal-Generation
- ``shiyujiucsb``: burning_ship.py of shiyujiucsb/mandelbrot_julia_fractals
- ``fraktaler``: fraktaler-3-wisdom.sh of LegalizeAdulthood/fraktaler, a copy of Fraktaler-3
- ``deepdrill``: Examples/*.ini of dirkwhoffmann/DeepDrill
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import gmpy2
import numpy as np
import pytest

from deepzoom.coordinates import log2
from deepzoom.exchange.reading import of_text
from deepzoom.rendering.render import render

RUST = 'real = "{}"\nimag = "{}"\nzoom = "{}"\niterations = {}\n'
KFR = "Re: {}\r\nIm: {}\r\nZoom: {}\r\nIterations: {}\r\nFractalType: 0\r\nPower: 2\r\n"
SHIP = KFR.replace("FractalType: 0", "FractalType: 1")
FOUR = (
    'program = "fraktaler-3"\nlocation.real = "{}"\nlocation.imag = "{}"\nlocation.zoom = "{}"\n'
    "bailout.iterations = {}\n"
    + "".join(f"[[formula]]\npower = 2\nabs_x = {x}\nabs_y = {y}\n" for x, y in (
        ("false", "false"), ("false", "true"), ("false", "false"), ("true", "true"),
    ))
)  # fmt: skip
"""Four formulas that take turns. The program's limit, if the file says none, is 1024."""
ZOOM = "Re: {}\nIm: {}\nZoom: {}\nIterations: {}\n"
TEXT = "Real: {}\nImaginary: {}\nHeight: {}\nIterations: {}\n"
PLACES = {
    "spiral.toml": (RUST, "2.62070620416157101340705043e-1", "-2.16815264700656475880373613e-3",
                    "3.3554431999999834E7", 1000),
    "1e14.kfr": (KFR, "-1.759817130804847813610825010561798238243999999999999999999800",
                 "-0.012593310799749865383746631843264858450340000000000000000000", "1.00e014", 4036),
    "golden_spider.toml": (
        RUST,
        "-1.1655333947333519417384501796172924714321933574886948370635079467386009660630863680482129331890021314688012579"
        "836842018076673714838362053005104217694434001399999999999999999999999999",
        "-0.2271210791418481776581963677152186196245386397864896895230410088609047882859706788178588062696655554009656384"
        "215056003193835528856821046667996157018494188799999999999999999999999999999",
        "5.23742497263E151", 200_000,
    ),
    "peanuts.toml": (RUST, "-1.94027658588345321091739528561871158285329803755715228746270703125",
                     "-0.00015063432290237573328275931307447270339596507504722367456943365", "1.36112946768E39", 9450),
    "glitch_test.toml": (
        RUST,
        "-1.7692026523595072889383857467776111524931174128810441858206091009582682358361714060565188845736378999999999999"
        "999999700",
        "-0.0569076698576771144575618191177937971946160499670677653396147999149822235591500415257488642677904400000000000"
        "000000000",
        "3.34680029051E46", 275_250,
    ),
    "test4.toml": (RUST, "-9.07281432610265614613e-1", "-3.92255261778144070917e-1", "3.9999999999999996E0", 31),
    "full.txt": (TEXT, "-0.600000", "0.000000", "2.250000", 200),
    "copies.txt": (TEXT, "-0.900000", "0.250000", "0.105469", 200),
    "valley.txt": (TEXT, "-0.05123399999999998", "0.8086700000000011", "1.0000000000000002e-7", 20_000),
    "spirals.txt": (TEXT, "-0.803300", "0.178000", "0.000956", 200),
    "octopus.txt": (TEXT, "-0.802627", "0.1774515", "1.125e-05", 1500),
    "mini.txt": (TEXT, "-1.256000", "0.382000", "0.008438", 400),
    "offset.txt": (TEXT, "-0.7499766680000003", "-0.005971333333333334", "1.0000000000000003e-10", 30_000),
    "leaf.txt": (TEXT, "-1.543577002", "-0.000058690069", "0.000051248888", 2000),
    "test2.toml": (RUST, "-1.56318556270744275422603144305", "-3.03559619138472387941142279266e-13",
                   "2.1474836479999513E9", 1000),
    "1e50.kfr": (
        KFR, "-0.049470029063104093751692226727353630118745712488224879318104940232642194772686903427991549974759419",
        "-0.67478757584467536401139205313059765633477070682240348069799979479099419834548451115142084995403103",
        "1.00e050", 263_010,
    ),
    "line.toml": (RUST, "4.38201090809984714798836704183781579775093781331734e-01",
                  "2.50541573359688171678400414758224860053729045156654e-01", "1.40057E28", 2500),
    "elephant.txt": (TEXT, "-0.7269", "0.1889", "0.04", 256),
    "seahorse.txt": (TEXT, "-0.7463", "0.1102", "0.004", 256),
    "lightning.txt": (TEXT, "-1.25066", "0.02012", "0.002", 256),
    "patterns.txt": (TEXT, "-0.8", "0.156", "0.008", 256),
    "swirl.txt": (TEXT, "-0.749730", "-0.046608", "0.000463", 2000),
    "seahorses.txt": (TEXT, "-0.7453983606667815", "0.1125046349959942", "3.52E-12", 2000),
    "wiki.txt": (TEXT, "-0.7436438870371587047521915061147750", "0.1318259042053119704931320563851375", "6.2E-25",
                 20_000),
    "gart.txt": (TEXT, "-1.748187465", "0.001251896", "2.2474476e-6", 500),
    "down.txt": (TEXT, "-0.748", "-0.102", "0.008", 200),
    "elephants.txt": (TEXT, "0.3015", "-0.0200", "0.03", 200),
    "valley2.txt": (TEXT, "-0.745", "0.105", "0.01", 200),
    "trunks.txt": (TEXT, "0.30820836067024604", "0.030620936230004017", "0.03", 200),
    "ship.kfr": (SHIP, "-0.45", "-0.5", "1.5686274509803922", 500),
    "wisdom.f3.toml": (FOUR, "0.352465816656845732", "0.392188990843255425", "4.1943021e6", 1024),
    "flake.txt": (
        ZOOM,
        "-1.9999661944503703041843468850635057967553124154072485151176192294480158424234268438137612977886891381228704640"
        "6560949864353810575744772166485672496092803920095331999999999999999999999999979999999999999999999999999999999999"
        "999999",
        "-0.0000000000000000000000000000000003001382436790938324072497303977592498734683119077333527017425728012047497561"
        "4823581185647299288414075519224186504978181625478528999999999999999999999999979999999999999999999999999999999999"
        "999999",
        "2.56203307883E157", 60_000,
    ),
}  # fmt: skip

SOURCES = {
    "rust": ("spiral.toml", "golden_spider.toml", "peanuts.toml", "glitch_test.toml", "test4.toml", "test2.toml",
             "line.toml"),
    "kf2": ("1e14.kfr", "1e50.kfr"),
    "go": ("full.txt", "copies.txt", "spirals.txt", "octopus.txt", "mini.txt"),
    "canvas": ("valley.txt", "offset.txt"),
    "hilljaxon": ("valley2.txt", "trunks.txt", "leaf.txt"),
    "prachwal": ("elephant.txt", "seahorse.txt", "lightning.txt", "patterns.txt"),
    "ckormanyos": ("swirl.txt", "seahorses.txt", "wiki.txt"),
    "ilidan16": ("gart.txt",),
    "auroram": ("down.txt", "elephants.txt", "leaf.txt"),
    "shiyujiucsb": ("ship.kfr",),
    "fraktaler": ("wisdom.f3.toml",),
    "deepdrill": ("flake.txt",),
}  # fmt: skip
QUICK = "1e14.kfr", "octopus.txt", "test4.toml", "copies.txt", "ship.kfr"


def count(x, y, bits, limit, folds, radius):
    """The number of the first iterate beyond a radius, by a whole orbit in whole numbers over 2**bits; 0 if none is.

    folds: of each square that takes its turn, the parts whose absolute values are taken first.
    """
    cx, cy = (gmpy2.mpz(round(Fraction(int(v.numerator), int(v.denominator)) * (1 << bits))) for v in (x, y))
    zx, zy, most = gmpy2.mpz(0), gmpy2.mpz(0), gmpy2.mpz(radius**2) << 2 * bits
    for n in range(1, limit + 1):
        fold = folds[(n - 1) % len(folds)]
        zx, zy = abs(zx) if "x" in fold else zx, abs(zy) if "y" in fold else zy
        zx, zy = ((zx * zx - zy * zy) >> bits) + cx, ((zx * zy) >> (bits - 1)) + cy
        if zx * zx + zy * zy > most:
            return n
    return 0


def test_there_are_thirty_of_ten_collections():
    assert len(PLACES) >= 30 and len(SOURCES) >= 10
    assert {n for names in SOURCES.values() for n in names} == set(PLACES)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in PLACES])
def test_public_places_have_the_counts_of_their_orbits(name):
    form, *values = PLACES[name]
    scene = of_text(form.format(*values), f"FILE: {name}", Path(name)).scene
    view = replace(scene.view, width=64, height=36)
    field = render(replace(scene, view=view)).field
    folds, radius = {SHIP: (["xy"], 2), FOUR: (["", "y", "", "xy"], 100)}.get(form, ([""], 2))
    bits = int(-log2(view.depth)) + 120 + scene.steps // 50
    for row, column in ((0, 0), (18, 32), (35, 63)):
        x, y = view.at(column, row)
        exact = count(x, y, bits, scene.steps, folds, radius)
        assert field.iterations[row, column] == exact, (row, column)
    assert len(np.unique(field.iterations)) > 3
