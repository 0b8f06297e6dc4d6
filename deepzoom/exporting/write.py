"""Writes a field for other programs. The file's ending says in which format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from deepzoom import __version__
from deepzoom.errors import InputError
from deepzoom.files import check_output, whole_folder, whole_path
from deepzoom.rendering.field import Field

from . import channels
from .dataset import to_xarray
from .exr import write_exr

PAGE_NAME, LARGEST = 285, 2**32 - 2**25
"""TIFF's tag for the name of a page, and the bytes of pages that fit in a file of TIFF's first kind."""


def check(path: Path, force: bool) -> None:
    """Raise InputError for a name without a known ending, a file that must stay, or a package that is missing."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"OUT: {path} does not end in {', '.join(FORMATS)}.")
    _, needed = FORMATS[path.suffix.lower()]
    if path.suffix.lower() == ".zarr" and path.is_dir():
        if not force:
            raise InputError(f"OUT: {path} exists; give another name, or --force to replace it.")
        if not any((path / name).exists() for name in ("zarr.json", ".zgroup")):
            raise InputError(f"OUT: {path} is a folder, but no Zarr store, so it stays; give another name.")
    else:
        check_output(path, "OUT", force)
    for name in needed:
        try:
            import_module(name)
        except ImportError:
            raise InputError(
                f"OUT: {path.suffix} needs {name}, which is not installed; python -m pip install"
                f" 'deepzoom[{EXTRAS.get(name, 'science')}]'."
            ) from None


def write(field: Field, path: Path) -> None:
    """Write a field to a file, or to a folder for Zarr: whole, or not at all. Call ``check`` before."""
    FORMATS[path.suffix.lower()][0](field, path)


def _netcdf(field: Field, path: Path) -> None:
    data = to_xarray(field)
    packed = {"zlib": True, "complevel": 1, "shuffle": True}
    encoding = {name: {"_FillValue": None, **packed} for name in data.variables}  # no value stands for a missing one
    with whole_path(path) as temporary:
        data.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def _zarr(field: Field, path: Path) -> None:
    data = to_xarray(field)
    with whole_folder(path) as temporary:
        data.to_zarr(temporary, mode="w-", zarr_format=2, consolidated=True)  # what every reader knows


def _tiff(field: Field, path: Path) -> None:
    import tifffile

    names = list(channels.of(field))
    with (
        whole_path(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=8 * field.done.size * len(names) > LARGEST) as file,
    ):
        for name in names:
            # pages of one type make a stack; float64 holds the values of all channels
            page = getattr(field, name).astype(np.float64)
            if name != "done":
                page[~field.done] = np.nan
            file.write(
                page, photometric="minisblack", metadata=None, software=f"deepzoom {__version__}",
                description=field.scene.to_toml().encode() if name == names[0] else None,
                extratags=[(PAGE_NAME, 2, 0, name, True)],
            )  # fmt: skip


EXTRAS = {"OpenEXR": "exr"}
"""The extra of the package that brings a package, if it is not ``science``."""
FORMATS: dict[str, tuple[Callable[[Field, Path], None], tuple[str, ...]]] = {
    ".nc": (_netcdf, ("xarray", "h5netcdf", "h5py")),
    ".zarr": (_zarr, ("xarray", "zarr")),
    ".tiff": (_tiff, ("tifffile",)),
    ".tif": (_tiff, ("tifffile",)),
    ".exr": (write_exr, ("OpenEXR",)),
}
"""For each ending, what writes it, and the packages that it needs."""
