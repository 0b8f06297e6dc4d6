"""Places that others have published, as coordinates alone: read, rendered, and three pixels against whole orbits.

Sources: locations/*.toml and benchmarks/*.toml of rust-fractal/rust-fractal-core, benchmarks/*.kfr of smurfix/kf2,
examples/README.md of EduardGomezEscandell/GoMandelbrot, src/lib/constants.js of embalex/workerCanvasFractal,
src/Config.py of hilljaxon/FractalGenerator.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gmpy2
import numpy as np
import pytest

from deepzoom.coordinates import log2
from deepzoom.exchange.reading import of_text
from deepzoom.rendering.render import render

RUST = 'real = "{}"\nimag = "{}"\nzoom = "{}"\niterations = {}\n'
KFR = "Re: {}\r\nIm: {}\r\nZoom: {}\r\nIterations: {}\r\nFractalType: 0\r\nPower: 2\r\n"
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
}  # fmt: skip

QUICK = "1e14.kfr", "octopus.txt", "test4.toml", "copies.txt"


def count(x, y, bits, limit):
    """The number of the first iterate beyond 2 of z**2 + c, by a whole orbit in ``bits`` bits; 0 if there is none."""
    with gmpy2.context(precision=bits):
        cx, cy = gmpy2.mpfr(x), gmpy2.mpfr(y)
        zx = zy = gmpy2.mpfr(0)
        for n in range(1, limit + 1):
            zx, zy = zx * zx - zy * zy + cx, 2 * zx * zy + cy
            if zx * zx + zy * zy > 4:
                return n
    return 0


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in PLACES])
def test_public_places_have_the_counts_of_their_orbits(name):
    form, *values = PLACES[name]
    scene = of_text(form.format(*values), f"FILE: {name}", Path(name)).scene
    view = replace(scene.view, width=16, height=9)
    field = render(replace(scene, view=view)).field
    bits = int(-log2(view.depth)) + 120
    for row, column in ((0, 0), (4, 8), (8, 15)):
        x, y = view.at(column, row)
        assert field.iterations[row, column] == count(x, y, bits, scene.steps), (row, column)
    assert len(np.unique(field.iterations)) > 3
