"""A server that ends while its page is open, and comes back; and the command that starts it."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from browsed import Page
from explored import HOME, Served


@pytest.mark.slow
def test_comes_back_after_the_server_was_restarted(browser):
    one = Served(HOME)
    page = Page(browser, one.address)
    page.wheel(100, 100)
    page.wait("deepzoom.scene.number === deepzoom.number")
    scene = page.is_right()
    port = one.port
    one.stop()
    page.wait("document.body.classList.contains('offline')")
    again = Served(HOME, port=port)
    page.wait("!document.body.classList.contains('offline') && deepzoom.scene.number === deepzoom.number")
    assert page.is_right() == scene
    page.errors.clear()  # the browser reports that it could not connect
    page.close()
    again.stop()


@contextmanager
def command(*options):
    """``deepzoom explore`` as a process of its own: (the process, the address that it printed)."""
    words = [sys.executable, "-m", "deepzoom", "explore", "--no-browser", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.slow
def test_comes_back_after_the_server_was_killed(browser):
    """In the middle of a view, without a word; the page shows what it showed as soon as a server is there again."""
    with command("mandelbrot", "--port", "0") as (process, address):
        page = Page(browser, address)
        page.wheel(100, 100)
        page.wait("deepzoom.scene.number === deepzoom.number")
        scene = page.get("deepzoom.scene.address")
        process.kill()
        process.wait(20)
    page.wait("document.body.classList.contains('offline')")
    page.wheel(30, 40)  # has no effect but on the picture
    with command("mandelbrot", "--port", address.split(":")[2].strip("/")) as (process, again):
        assert again == address
        page.wait("!document.body.classList.contains('offline') && deepzoom.scene.number === deepzoom.number")
        assert page.get("deepzoom.scene.address") == scene
        page.is_right()
        page.errors.clear()  # the browser reports that it could not connect
        page.close()
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=30)[1]


@pytest.mark.slow
def test_the_command_serves_this_machine_or_others_with_a_token():
    with command("mandelbrot", "--port", "0") as (_, address):
        assert address.startswith("http://127.0.0.1:") and "token" not in address
        assert b"<title>deepzoom" in urllib.request.urlopen(address, timeout=20).read()
    with command("julia", "--port", "0", "--host", "0.0.0.0") as (_, address):
        bare, token = address.split("?token=")
        assert len(token) > 20 and b"<title>deepzoom" in urllib.request.urlopen(address, timeout=20).read()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(bare, timeout=20)
