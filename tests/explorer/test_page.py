"""The page in a real browser: headless Chromium, driven by Playwright. Skipped where one of them is missing."""

from __future__ import annotations

import time

import pytest
from browsed import Page
from explored import served

from deepzoom.commands.requests.scene import Request
from deepzoom.coordinates import format_decimal
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

HOME = Scene("mandelbrot", View.parse("-0.75", "0.1", "2.5", "32x24"), 500)


@pytest.fixture(scope="module")
def one():
    with served(HOME) as running:
        yield running


@pytest.fixture
def page(browser, one):
    opened = Page(browser, one.address)
    yield opened
    opened.close()


def test_opens_and_zooms(page):
    scene = page.is_right()
    assert (scene.view.width, scene.view.height) == (320, 240)
    page.wheel(170, 100)
    page.wait("deepzoom.scene.number === deepzoom.number && deepzoom.number > 1")
    assert page.is_right().view.depth == scene.view.depth / 2
    assert all(url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:")) for url in page.requests)


@pytest.mark.slow
def test_ten_notches_to_1e_12(browser, one):
    """Ten turns of the wheel, four notches each, and then the pixels are those of ``deepzoom render``."""
    page = Page(browser, one.address)
    page.get(
        "deepzoom.link.send({type: 'place', number: ++deepzoom.number, text: '-0.743643887037151 0.131825904205330 2'})"
    )
    page.finish()
    for _ in range(10):
        page.wheel(160, 120, 4)
        time.sleep(0.1)
    page.wait("deepzoom.scene.number === deepzoom.number")
    assert page.is_right().view.depth < 2e-12
    page.close()


@pytest.mark.slow
def test_drag_palette_and_back(browser, one):
    page = Page(browser, one.address, 1100, 700, pixel=2)
    first = page.is_right()
    mouse = page.page.mouse
    mouse.move(400, 400)
    mouse.down()
    for k in range(20):
        mouse.move(400 + 6 * k, 400 - 4 * k)
    mouse.up()
    page.wait("deepzoom.scene.number === deepzoom.number")
    moved = page.is_right()
    step = moved.view.depth / moved.view.height
    assert abs((first.view.x - moved.view.x) / step - 57) < 1e-6
    assert abs((first.view.y - moved.view.y) / step - 38) < 1e-6  # dragged up, so the centre is further down
    runs = page.get("deepzoom.scene.runs")
    page.page.get_by_role("option", name="magma", exact=True).first.click()
    page.wait("deepzoom.scene.palette === 'magma' && deepzoom.done")
    assert page.is_right().palette == "magma" and page.get("deepzoom.scene.runs") == runs
    time.sleep(0.8)
    page.page.go_back()
    page.wait(f"deepzoom.scene.palette === '{first.palette}'")
    page.is_right()
    page.close()


@pytest.mark.slow
def test_the_handle_and_the_mini_map(browser, one):
    page = Page(browser, one.address, 660, 540, pixel=2)
    first = page.is_right()
    p, reach = page.page, 130  # of the knobs from the middle
    p.keyboard.press("s")
    p.mouse.move(330 + reach, 270)
    p.mouse.down()
    p.mouse.move(330 + 2 * reach, 270, steps=4)
    p.mouse.up()
    page.wait("deepzoom.scene.stretched && deepzoom.scene.number === deepzoom.number")
    wide = page.is_right()
    long, short, degrees = wide.view.shape.spans  # twice as wide: half as much of the plane from left to right
    assert abs(long / short - 2) < 0.01 and abs(long - 1) < 1e-9 and abs(degrees - 90) < 1e-6
    p.get_by_label("Stretch upward").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        p.keyboard.press(key)
    page.wait("deepzoom.scene.number === deepzoom.number && deepzoom.number > 2")
    assert page.is_right().view.shape != wide.view.shape and p.locator("#handle").is_visible()
    p.keyboard.press("Escape")
    assert not p.locator("#handle").is_visible()
    p.get_by_label("Depth", exact=True).focus()
    p.keyboard.press("ArrowRight")
    page.wait("deepzoom.scene.depth === '0.1'")
    assert page.is_right().view.depth < first.view.depth
    p.get_by_label("Go to the home view").click()
    page.wait("deepzoom.scene.depth !== '0.1' && deepzoom.scene.number === deepzoom.number")
    assert page.is_right().view.x == Request(at="mandelbrot-home").to_scene().view.x
    page.close()


@pytest.mark.slow
def test_two_fingers_zoom(browser, one):
    """Two fingers move apart to twice their distance: the view is half as high, and their middle stays."""
    page = Page(browser, one.address, 320, 240, has_touch=True)
    first = page.is_right().view
    touch = page.context.new_cdp_session(page.page)

    def fingers(kind, *places):
        points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (130, 100), (190, 100))
    for k in range(1, 11):
        fingers("touchMove", (130 - 3 * k, 100), (190 + 3 * k, 100))
    fingers("touchEnd")
    page.wait("deepzoom.scene.number === deepzoom.number && deepzoom.number > 1")
    zoomed = page.is_right().view
    assert abs(first.depth / zoomed.depth - 2) < 1e-9
    before, after = first.at(159.5, 99.5), zoomed.at(159.5, 99.5)
    assert max(abs(p - q) for p, q in zip(before, after, strict=True)) < first.depth / 240 / 100
    page.close()


@pytest.mark.slow
def test_formula_landmark_and_keys(browser, one, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path))
    page = Page(browser, one.address, 1100, 700, pixel=2)
    p = page.page
    p.get_by_label("System").first.select_option("formula")
    page.wait("deepzoom.scene.system === 'formula'")
    box = p.get_by_label("Formula of z and c")
    box.fill("z**3 + c/")
    p.wait_for_selector("#formula-error:not(:empty)")
    assert "formula" in p.text_content("#formula-error")
    box.fill("z**3 + c")
    page.wait("deepzoom.scene.settings.formula === 'z**3 + c'")
    assert p.text_content("#formula-error") == ""
    page.finish()
    p.get_by_label("Name of a landmark").fill("from-the-page")
    p.keyboard.press("Enter")
    p.wait_for_selector("text=Saved.")
    assert (tmp_path / "landmarks.toml").exists()
    p.keyboard.press("Escape")
    depth = page.is_right().view.depth
    p.keyboard.press("+")
    page.wait("deepzoom.scene.number === deepzoom.number")
    assert page.is_right().view.depth == depth / 2
    p.keyboard.press("ArrowLeft")
    page.wait("deepzoom.scene.number === deepzoom.number")
    page.is_right()
    page.close()


@pytest.mark.slow
def test_tanh_unfolds_and_goes_to_1e_20(browser):
    deep = Request(system="tanh", depth="1e-20").to_scene().view
    with served(Request(system="tanh", size="24x20").to_scene()) as one:
        page = Page(browser, one.address, 96, 80, pixel=4)
        assert page.is_right().view.pixels == 24 * 20
        text = " ".join(format_decimal(v) for v in (deep.x, deep.y, deep.depth))
        page.get(f"""(() => {{ const form = document.getElementById("place-form");
            form.querySelector("input").value = "{text}"; form.requestSubmit(); }})()""")
        page.wait("deepzoom.scene.number === deepzoom.number")
        assert page.is_right().view.depth == deep.depth
        page.get("deepzoom.unfold()")
        page.wait("deepzoom.scene.number === deepzoom.number")
        scene = page.is_right()
        assert scene.view.depth == deep.depth and scene.view.shape.spans[0] > 2
        page.get("deepzoom.go(null, { factor: 2, at: [8, 8] }, true)")
        page.wait("deepzoom.scene.number === deepzoom.number")
        assert page.is_right().view.depth < deep.depth
        page.close()


@pytest.mark.slow
def test_another_pages_script_cannot_connect(browser, one):
    """A page of another origin opens a connection, and the server refuses it."""
    with served(HOME) as other:
        page = browser.new_page()
        page.goto(other.address + "/")
        answer = page.evaluate(
            f"""new Promise((done) => {{ const s = new WebSocket("ws://127.0.0.1:{one.port}/pixels");
            s.onopen = () => done("open"); s.onerror = () => done("refused"); }})"""
        )
        assert answer == "refused"
        page.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_phone(browser, one, scheme):
    """No control leaves the screen, and every one has a name."""
    page = Page(
        browser, one.address, 390, 844, color_scheme=scheme, has_touch=True, is_mobile=True, device_scale_factor=1
    )
    page.page.get_by_role("button", name="Settings").click()
    assert page.get("document.documentElement.scrollWidth <= innerWidth")
    assert page.get("""[...document.querySelectorAll("button, input, select, a")].every((e) => {
        const box = e.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth + 1; })""")
    assert not page.get("""[...document.querySelectorAll("button, input, select, a, [tabindex]")].filter((e) =>
        !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.title)).map((e) => e.outerHTML)""")
    page.close()
