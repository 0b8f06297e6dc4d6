from __future__ import annotations

import pytest
from gmpy2 import mpq
from mandelbrot_scene import mandelbrot

from deepzoom.film.film import Target, make
from deepzoom.film.keyframes import Keyframes
from deepzoom.film.zoom_path import Descent, Film


@pytest.fixture(scope="session")
def filmed(tmp_path_factory):
    """(film, keyframes) of the Mandelbrot set from 3 to 1e-4, and the work that it took."""
    folder = tmp_path_factory.mktemp("film")
    film = Film(Descent.of(mandelbrot(), mpq(3)), mpq(3), mpq(1, 10**4), 40, 48, 32)
    result = make(film, Target(folder, folder / "data", keep=True), jobs=2)
    assert result.complete
    return film, Keyframes(folder / "data", film.descent), result.facts
