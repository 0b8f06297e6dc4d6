"""The server: what it streams is the picture of ``deepzoom render``, and who may talk to it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from explored import HOME, Client, rendered, served
from websockets.exceptions import ConnectionClosed, InvalidStatus

import deepzoom
from deepzoom import landmarks
from deepzoom.explorer.address import packed, unpacked


def fetch(one, path, **headers):
    request = urllib.request.Request(one.address + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def same(page):
    scene = page.finish()
    assert np.array_equal(page.picture[..., :3], rendered(scene)) and (page.picture[..., 3] == 255).all()
    return scene


def test_the_picture_is_that_of_render(page):
    scene = same(page)
    assert (scene.view.width, scene.view.height) == (32, 24)
    page.send("move", zoom=2, at=[20, 10])
    page.until("scene")
    page.send("move", pan=[3, -2])
    page.until("scene")
    scene = same(page)
    assert scene.view.depth == HOME.view.depth / 2


def test_a_deep_zoom_has_exact_coordinates(page):
    for _ in range(48):
        page.send("move", zoom=4, at=[20, 10])
        page.until("scene")
    scene = same(page)
    assert scene.view.depth < 1e-27 and isinstance(page.scene["x"], str) and len(page.scene["x"]) > 28


def test_colours_need_no_new_run(page):
    page.finish()
    runs = page.scene["runs"]
    for changes in ({"palette": "magma"}, {"colouring": "cyclic"}, {"cycle": "7"}, {"slope": "45"}, {"mark": True},
                    {"colouring": "histogram"}, {"interior": "#204060"}, {"slope": "none"}):  # fmt: skip
        page.send("change", set=changes)
        page.until("scene")
        page.until("pixels", finished=True)
        assert page.scene["runs"] == runs
        assert np.array_equal(page.picture[..., :3], rendered(page.shown))


def test_a_new_system_and_back(page):
    before = page.scene["address"]
    page.send("change", set={"system": "julia"})
    assert page.until("scene")["system"] == "julia"
    same(page)
    page.send("go", address=before)
    assert page.until("scene")["address"] == before
    same(page)


def test_a_formula_and_its_error(page):
    page.send("change", set={"formula": "z**3 + c/"})
    refused = page.until("refused")
    assert refused["names"] == ["formula"] and "formula" in refused["text"] and "\n" not in refused["text"]
    page.send("change", set={"formula": "z**3 + c"})
    assert page.until("scene")["settings"]["formula"] == "z**3 + c"
    same(page)


@pytest.mark.parametrize(
    "code", ["__import__('os').system('touch hacked')", "(lambda: c)()", "z.__class__", "open('x')"]
)
def test_a_formula_runs_no_code(page, tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    page.send("change", set={"formula": code})
    assert page.until("refused")["names"] == ["formula"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "message", "text"),
    [
        ("size", {"size": [10**9, 10**9]}, "is not a size"),
        ("change", {"set": {"reshape": [1, 0, 0, -1]}}, "shape:"),
        ("change", {"set": {"reshape": [100, 0, 0, 1]}}, "shape:"),
        ("change", {"set": {"reshape": [1, 0, 0]}}, "shape:"),
        ("change", {"set": {"reshape": [1, 0, 0, "x"]}}, "shape:"),
        ("change", {"set": {"reshape": [1, float("nan"), 0, 1]}}, "shape:"),
        ("size", {"size": [0, 10]}, "is not a size"),
        ("change", {"set": {"steps": "0"}}, "--steps"),
        ("change", {"set": {"steps": "many"}}, "--steps"),
        ("change", {"set": {"palette": "../../etc/passwd"}}, "--palette"),
        ("change", {"set": {"palette": "evil.map"}}, "--palette"),
        ("change", {"set": {"system": "/tmp/evil.py:step"}}, "SYSTEM"),
        ("change", {"set": {"landmark": "../secret"}}, "no landmark"),
        ("change", {"set": {"settings": {"nothing": "1"}}}, "nothing"),
        ("change", {"set": {"formula": "z" * 50_000}}, "too long"),
        ("change", {"set": {"format": "disk"}}, "cannot change"),
        ("change", {"set": {"samples": "1e9"}}, "--samples"),
        ("move", {"zoom": 0, "at": [1, 1]}, "zoom"),
        ("move", {"zoom": 1e300, "at": [1, 1]}, "zoom"),
        ("move", {"pan": [1e300, 0]}, "too far"),
        ("move", {"zoom": "x", "at": [1, 1]}, "not one that a page"),
        ("go", {"address": "nonsense"}, "holds no scene"),
        ("place", {"text": "one two"}, "--center"),
        ("place", {"text": "deepzoom render /tmp/evil.py:step --center 0 0 --depth 1"}, "place"),
        ("save", {"name": "../../evil"}, "is not a name"),
        ("nothing", {}, "not one that a page"),
    ],
)  # fmt: skip
def test_bad_messages_get_a_sentence(page, kind, message, text):
    page.send(kind, **message)
    refused = page.until("refused")
    assert text in refused["text"] and "Traceback" not in refused["text"]
    page.send("change", set={"flip": True})  # and the page lives on
    page.until("scene")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 5000, '{"type": []}', '{"type": "move", "number": {}}'])
def test_messages_that_are_none(page, text):
    page.socket.send(text)
    assert "message" in page.until("refused")["text"]


def test_a_formula_of_a_megabyte(page):
    page.send("change", set={"formula": "z" * (1 << 20)})
    assert "too long" in page.until("refused")["text"]


def test_a_message_beyond_all_bounds_ends_the_connection(one):
    client = Client(one)
    with pytest.raises(ConnectionClosed):
        client.socket.send("x" * (1 << 22))
        while True:
            client.receive()


def test_saved_landmarks(page, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path))
    page.send("save", name="my-place", note="here")
    assert page.until("saved")["landmark"]["name"] == "my-place"
    assert landmarks.get("my-place").view(None, page.size) == page.shown.view
    page.send("save", name="my-place")
    assert "already" in page.until("refused")["text"]


def test_the_pixel_under_the_pointer(page):
    scene = page.finish()
    field = deepzoom.render(scene).field
    page.send("point", column=7, row=5)
    point = page.until("point")
    assert point["measure"] == field.measure[5, 7] and point["iterations"] == field.iterations[5, 7]
    assert abs(float(point["x"]) - float(scene.view.at(7, 5)[0])) < 1e-4


def test_downloads(one, page, tmp_path):
    from deepzoom.pictures.png import read_scene
    from deepzoom.rendering.field import Field

    page.socket.send(json.dumps({"type": "hello", "number": 9, "size": [32, 24]}))
    key = page.until("catalogue")["session"]
    page.until("scene", number=9)
    scene = page.finish()
    for kind in ("picture.png", "data.npz", "scene.toml"):
        status, headers, data = fetch(one, f"/session/{key}/{kind}")
        assert status == 200 and "attachment" in headers["content-disposition"]
        (tmp_path / kind).write_bytes(data)
        assert read_scene(tmp_path / kind) == scene
    assert np.array_equal(Field.load(tmp_path / "data.npz").measure, deepzoom.render(scene).field.measure)
    assert fetch(one, f"/session/{key}/passwd")[0] == 404
    assert fetch(one, "/session/other/picture.png")[0] == 404


def test_the_page_and_nothing_else_is_served(one):
    for path in ("/", "/page/main.js", "/page/style.css"):
        status, headers, body = fetch(one, path)
        assert status == 200 and body and "default-src 'none'" in headers["content-security-policy"]
        assert b"http://" not in body.replace(b"http://www.w3.org", b"") and b"https://" not in body
    for path in (
        "/page/..%2fserver.py", "/page/../server.py", "/page/__init__.py", "/etc/passwd", "/page/", "/thumbnail/nope",
        "/thumbnail/..%2f..%2fsecret",
    ):  # fmt: skip
        assert fetch(one, path)[0] == 404


def test_other_pages_are_refused(one):
    port = one.port
    for headers in (
        {"Host": "evil.example"}, {"Host": f"evil.example:{port}"}, {"Origin": "http://evil.example"},
        {"Origin": f"http://localhost:{port}"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    ):  # fmt: skip
        assert fetch(one, "/page/main.js", **headers)[0] == 403
    for headers in ({"Host": "127.0.0.1.evil.example"}, {"Host": "["}, {"Origin": "http://["}, {"Host": ":x"}):
        assert fetch(one, "/", **headers)[0] == 403
    assert fetch(one, "/", Host=f"localhost:{port}")[0] == 200
    for origin in ("http://evil.example", f"http://evil.example:{port}", "null", None):
        with pytest.raises(InvalidStatus):
            Client(one, origin=origin)


def test_a_token_is_asked_for():
    with served(HOME, "secret", ()) as one:
        assert fetch(one, "/")[0] == 403 and fetch(one, "/?token=wrong")[0] == 403
        status, headers, _ = fetch(one, "/?token=secret", Host="some.machine")
        assert status == 200 and "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]
        assert fetch(one, "/page/main.js", Cookie="deepzoom-token=secret")[0] == 200
        for cookie in ("deepzoom-token=secreT", "=", "a b[]=c; deepzoom-token", "\xff=\xff"):
            assert fetch(one, "/page/main.js", Cookie=cookie)[0] == 403
        with pytest.raises(InvalidStatus):
            Client(one)
        client = Client(one, additional_headers={"Cookie": "deepzoom-token=secret"})
        assert client.hello()["system"] == "mandelbrot"
        client.close()


def test_addresses():
    scene = replace(HOME, settings={"power": "3"})
    assert unpacked(packed(scene)) == scene
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(b"x" * 10_000_000)).decode()
    for text in (bomb, "", "é", packed(scene)[:-3]):
        with pytest.raises(deepzoom.errors.InputError, match="address"):
            unpacked(text)


def test_an_address_with_an_error_opens_the_first_scene(one):
    client = Client(one)
    client.send("hello", size=[32, 24], address="nonsense")
    assert client.until("scene")["system"] == "mandelbrot"
    assert "address" in client.until("refused")["text"]
    client.close()
