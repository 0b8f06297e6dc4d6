"""A field as an xarray dataset, in one layout for all depths and shapes of views."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import __version__, systems
from deepzoom.backends.select import float64_steps_per_pixel
from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError
from deepzoom.rendering.field import Field
from deepzoom.scene import sample_positions
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

from . import channels

if TYPE_CHECKING:
    import xarray

PIXELS, SAMPLES = ("v", "u"), ("sampled", "sample")
"""Dimensions of the arrays of pixels, and of those of samples."""
Variable = tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]


def to_xarray(field: Field) -> xarray.Dataset:
    """A field as a dataset that shares its arrays; docs/fields.md describes the layout.

    Raises InputError if xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise InputError("xarray is not installed; python -m pip install 'deepzoom[science]'.") from None
    data, coordinates = _arrays(field, PIXELS), _of_pixels(field.scene)
    if field.samples is not None:
        data |= {f"sample_{name}": array for name, array in _arrays(field.samples, SAMPLES).items()}
        coordinates |= _of_samples(field)
    return xarray.Dataset(data, coordinates, _attributes(field))


def _attributes(field: Field) -> dict[str, Any]:
    """Of the dataset. Exact numbers are decimal texts."""
    scene = field.scene
    return {
        "Conventions": "CF-1.11",
        "title": f"{scene.system}, {scene.steps} steps",
        "source": f"deepzoom {__version__}",
        "centre_x": format_decimal(scene.view.x),
        "centre_y": format_decimal(scene.view.y),
        "depth": format_decimal(scene.view.depth),
        "scene": scene.to_toml(),
        "made": json.dumps(field.made),
    }


def _arrays(field: Field, dimensions: tuple[str, ...]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for name, channel in channels.of(field).items():
        array = getattr(field, name)
        found[name] = dimensions, array, channel.attributes(array.dtype)
    return found


def _of_pixels(scene: Scene) -> dict[str, Variable]:
    """u and v of the picture; distances from the centre in depths; and x and y, if float64 tells the pixels apart."""
    view = scene.view
    pixels, shape = np.arange(view.pixels, dtype=np.int64), (view.height, view.width)
    u, v = view.heights(pixels[: view.width])[0], view.heights(pixels[:: view.width])[1]
    found: dict[str, Variable] = {
        "u": (("u",), u, _named("distance from the centre to the right, in heights of the picture")),
        "v": (("v",), v, _named("distance from the centre upwards, in heights of the picture")),
    }
    for name, values in zip("xy", view.offsets(pixels)):
        formula = f"{name} = centre_{name} + depth * d{name}, with the exact numbers in the dataset's attributes"
        found[f"d{name}"] = PIXELS, values.reshape(shape), _named(f"{name} minus centre_{name}, in depths", formula)
    if _is_shallow(view):
        for name, values, label in zip("xy", view.points(pixels), _labels(scene)):
            found[name] = PIXELS, values.reshape(shape), _named(label)
    return found


def _is_shallow(view: View) -> bool:
    """Whether float64 has at least 1024 numbers between neighbouring pixels, the rule of backends, too."""
    return float64_steps_per_pixel(view) >= math.log2(systems.System.resolved)


def _labels(scene: Scene) -> list[str]:
    """What x and y are. A system in a user's file can only say it if the file was loaded."""
    try:
        axes = systems.create(scene.system, scene.settings, scene.steps, scene.digest).axes
    except InputError:
        return ["x", "y"]
    return [f"log10 of {axis.label}" if axis.power_of_ten else axis.label for axis in axes]


def _of_samples(field: Field) -> dict[str, Variable]:
    """The pixels that have samples, and where in a pixel each sample lies."""
    view = field.scene.view
    assert field.sampled is not None
    right, up = sample_positions.offsets(view.samples)[1:].T / (sample_positions.parts(view.samples) * view.height)
    inside = "distance of the sample from the middle of its pixel"
    return {
        "sampled": (("sampled",), field.sampled, _named("number of the pixel: row times width plus column")),
        "sample": (("sample",), np.arange(1, view.samples), _named("number of the sample; 0 is the pixel itself")),
        "sample_du": (("sample",), right, _named(f"{inside} along u")),
        "sample_dv": (("sample",), -up if view.flip else up, _named(f"{inside} along v")),
    }


def _named(long_name: str, comment: str = "") -> dict[str, Any]:
    return channels.Channel(long_name, comment=comment).attributes(np.dtype(np.float64))
