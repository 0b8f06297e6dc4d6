"""Fields for other programs: as xarray datasets, and as netCDF, Zarr and TIFF files."""
