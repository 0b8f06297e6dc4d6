"""The exact run at a view's centre: training runs, reference orbits, and the points they lead to. Nothing renders."""
