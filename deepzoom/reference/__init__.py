"""The reference at a view's centre, in high precision: training runs, reference orbits, and points found from them.

Nothing here renders.
"""
