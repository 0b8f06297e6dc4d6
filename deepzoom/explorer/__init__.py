"""``deepzoom explore``: a page in the browser, and the local server that renders what it shows (docs/explore.md)."""
