"""The page in a browser: drawn, offline, accessible, safe, at 400 and 1400 pixels."""

import contextlib
import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from symbind_testing.browser import PATIENCE_SECONDS
from symbind_testing.browser import browser as open_browser
from symbind_testing.builders.toy_advice import toy_advice
from symbind_testing.builders.toy_result import toy_result

from symbind_theory.check_template import main
from symbind_theory.report.page import page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
VERIFIER = ROOT / "symbind_theory" / "certificate_verifier.py"

# What would run, or end the block it stands in, if it were not escaped.
HOSTILE = (
    "?a <script>window.attacked=1</script> ?a &amp;",
    "?a \"><img/src=x/onerror='window.attacked=2'> ?b </script><b>",
    "?a ?b {{7*7}} <!--",
)
# Short enough to be named beside a heat map.
HOSTILE_NAMES = (
    "?a <svg/onload=k=1> ?b",
    '?a "><img/src=x> &amp;',
    "?a ?b {{7*7}}",
)
PLAIN = ("?a ?a ?a", "?a ?a ?b", "?a ?b ?a", "X ?a ?b")


def lines(templates):
    return [f"{text} -> {1 - 2 * (i % 2)}" for i, text in enumerate(templates)]


def document(templates, *options):
    """What `--json` writes."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        main([*lines(templates), "--max-points", "512", "--json", *options])
    return json.loads(output.getvalue())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def browser(folder):
    with open_browser(folder) as found:
        yield found


def written(path, templates, *options):
    arguments = [*lines(templates), "--max-points", "512", "--html", str(path)]
    assert main([*arguments, *options]) == 0
    return path


@pytest.fixture(scope="module")
def plain(folder, browser):
    return written(folder / "plain.html", PLAIN)


@pytest.fixture(scope="module")
def hostile(folder, browser):
    return written(folder / "hostile.html", HOSTILE)


@pytest.fixture(scope="module")
def compared(folder, browser):
    """Two architectures on a task, and a task that is hostile."""
    files = []
    for i, (templates, options) in enumerate(
        [(PLAIN, []), (PLAIN, ["--readout", "last"]), (HOSTILE, [])]
    ):
        files.append(folder / f"check <{i}>.json")
        files[-1].write_text(json.dumps(document(templates, *options)))
    path = folder / "compared.html"
    assert main(["--compare", *map(str, files), "--html", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def advised(folder):
    """A check with advice on architectures."""
    path = folder / "advised.html"
    path.write_text(page(toy_result(advice=toy_advice(tied=2))))
    return path


@pytest.fixture(params=["plain", "compared", "advised"])
def either(request):
    """All kinds of page."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def numbers(browser):
    """What `--json` writes for the plain task."""
    return document(PLAIN)


def texts(browser, selector):
    """Of every element that a selector finds."""
    return browser.script(
        "[...document.querySelectorAll(arguments[0])].map((e) => e.textContent)",
        selector,
    )


def count(browser, selector):
    return browser.script("document.querySelectorAll(arguments[0]).length", selector)


def saved(folder, name, browser):
    """The file that a click on its link saves."""
    path = folder / "downloads" / name
    path.unlink(missing_ok=True)
    browser.driver.find_element(By.CSS_SELECTOR, f'[data-name="{name}"]').click()
    WebDriverWait(browser.driver, PATIENCE_SECONDS).until(lambda _: path.exists())
    return path


@pytest.mark.parametrize("width", [400, 1400])
def test_the_console_is_silent_and_nothing_is_asked_of_the_network(
    browser, either, width
):
    browser.show(either, width)
    assert browser.complaints() == []
    assert browser.requests() == []


def test_a_page_that_loads_something_is_noticed(browser, plain, folder):
    """With an address that resolves nowhere; the policy blocks it, if it is there."""
    text = plain.read_text()
    image = '<img alt="" src="http://127.0.0.1:9/x.png"></main>'
    guarded = folder / "guarded.html"
    guarded.write_text(text.replace("</main>", image))
    browser.show(guarded)
    assert any("Content Security Policy" in line for line in browser.complaints())
    open_to_all = folder / "open.html"
    start = text.index("<meta http-equiv")
    end = text.index("\n", start)
    open_to_all.write_text((text[:start] + text[end:]).replace("</main>", image))
    browser.show(open_to_all)
    assert browser.requests() == ["http://127.0.0.1:9/x.png"]


def test_every_mark_is_drawn(browser, plain):
    browser.show(plain)
    for id in ("attention", "matrix", "sampled-kernel"):
        assert count(browser, f"#{id} .hm image") == 1, id
    assert count(browser, "#spectrum .points path.point") == len(PLAIN)
    assert count(browser, "#spectrum .errorbar path") >= len(PLAIN)
    # Three curves, the floor and the target are lines; where it is met, diamonds.
    assert count(browser, "#learning .scatterlayer path.js-line") == 5
    diamonds = "[...document.querySelectorAll('#learning .points path.point')]"
    diamonds += ".filter((e) => e.getBBox().width > 1).length"
    assert browser.script(diamonds) == 3
    legend = texts(browser, "#learning .legendtext")
    for name in ("a = b = 0", "a = 2", "b = 1", "MLP floor", "target"):
        assert any(text.startswith(name) for text in legend), (name, legend)
    assert count(browser, "svg.template rect") == 3 * len(PLAIN)
    # ?a ?a ?a has two arcs, ?a ?a ?b and ?a ?b ?a one each.
    assert count(browser, "svg.template path") == 4
    heights = browser.script(
        "[...document.querySelectorAll('math')]"
        ".map((e) => e.getBoundingClientRect().height)"
    )
    assert len(heights) == 6
    assert min(heights) > 10


def pointed_at(browser, element, right=0.0, up=0.0):
    """What appears beside the pointer, off the middle by so much of the mark's size.

    Args:
        browser: that shows the page.
        element: an expression of the page's language.
        right: part of the width.
        up: part of the height.
    """
    mark = browser.script(element)
    browser.script("arguments[0].scrollIntoView({block: 'center'})", mark)
    size = browser.script("arguments[0].getBoundingClientRect().toJSON()", mark)
    off = int(right * size["width"]), int(-up * size["height"])
    ActionChains(browser.driver).move_to_element(mark).move_by_offset(*off).perform()
    return browser.wait_until(
        "[...document.querySelectorAll('.hoverlayer .hovertext')]"
        ".map((e) => e.textContent).join(' ')"
    )


def first(selector):
    return f"document.querySelector({selector!r})"


def test_pointing_at_a_cell_shows_its_entry(browser, plain, numbers):
    browser.show(plain)
    for id, entries in (("attention", "attention"), ("matrix", "matrix")):
        shown = pointed_at(browser, first(f"#{id} .hm image"), 0.3, 0.1)
        pattern = r"^templates (\d) and (\d)([\d.]+) ± ([\d.e-]+)$"
        [(i, j, entry, width)] = re.findall(pattern, shown)
        cell = int(i) - 1, int(j) - 1
        # Six digits are shown, of what is kept in single precision.
        expected = numbers[entries][cell[0]][cell[1]]
        assert float(entry) == pytest.approx(expected, rel=5e-6)
        expected = numbers[f"{entries}_halfwidth"][cell[0]][cell[1]]
        assert float(width) == pytest.approx(expected, rel=0.5)


def test_pointing_at_a_string_shows_both_and_their_kernel(browser, plain, numbers):
    browser.show(plain)
    shown = pointed_at(browser, first("#sampled-kernel .hm image"), 0.3, 0.3)
    pattern = r"^(\d): \S+ \S+ \S+?(\d): \S+ \S+ \S+?(0\.\d+)$"
    [(row, column, entry)] = re.findall(pattern, shown)
    assert (row, column) == ("1", "4")
    assert float(entry) == pytest.approx(numbers["matrix"][0][3], abs=0.02)


def test_pointing_at_an_eigenvalue_shows_it(browser, plain, numbers):
    browser.show(plain)
    shown = pointed_at(browser, first("#spectrum .points path.point"))
    largest = numbers["eigenvalues"][0]
    assert f"eigenvalue 1: {largest['value']:.5g}" in shown
    assert f"[{largest['low']:.4g}, {largest['high']:.4g}]" in shown


def test_pointing_at_a_diamond_shows_how_many_strings(browser, plain, numbers):
    browser.show(plain)
    shown = pointed_at(
        browser,
        "[...document.querySelectorAll('#learning .points path.point')]"
        ".find((e) => e.getBBox().width > 1)",
    )
    complexity = numbers["sample_complexity"]
    assert f"{complexity['n']} strings for 0.01" in shown
    assert f"[{math.ceil(complexity['low'])}, {math.ceil(complexity['high'])}]" in shown


def test_the_certificate_is_saved_and_verifies(browser, plain, folder):
    browser.show(plain)
    path = saved(folder, "certificate.json", browser)
    done = subprocess.run(
        [sys.executable, VERIFIER, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    certificate = json.loads(path.read_text())
    assert certificate["templates"] == list(PLAIN)
    certificate["pairs"][0]["order"] += 1
    path.write_text(json.dumps(certificate))
    done = subprocess.run([sys.executable, VERIFIER, path], check=False)
    assert done.returncode != 0


def test_the_numbers_are_saved_as_the_command_writes_them(
    browser, plain, folder, numbers
):
    browser.show(plain)
    path = saved(folder, "result.json", browser)
    assert json.loads(path.read_text()) == numbers


def test_checks_stand_side_by_side(browser, compared):
    browser.show(compared)
    heads = texts(browser, "#compared ~ .scroll thead th")
    assert heads[:4] == ["quantity", "check <0>", "check <1>", "check <2>"]
    # Three curves, one floor that is not 0, and the target.
    assert count(browser, "#learning .scatterlayer path.js-line") == 5
    assert count(browser, "#spectrum .points path.point") == 2 * len(PLAIN) + 3
    assert count(browser, ".hm image") == 3
    legend = texts(browser, "#spectrum .legendtext")
    assert legend == ["check <0>", "check <1>", "check <2>"]
    assert browser.script("window.attacked ?? null") is None


def test_text_of_the_user_stays_text(browser, hostile):
    browser.show(hostile)
    assert browser.script("window.attacked ?? null") is None
    assert browser.complaints() == []
    drawn = " ".join(texts(browser, "svg.template title"))
    for text in HOSTILE:
        for token in text.split():
            assert token in drawn
    assert count(browser, "main img, svg.template script, .plot script") == 0


def test_names_beside_a_heat_map_stay_text(browser, folder):
    browser.show(written(folder / "named.html", HOSTILE_NAMES))
    named = filter(None, texts(browser, "#matrix .ytick"))
    assert sorted(named) == sorted(HOSTILE_NAMES)
    assert browser.script("window.k ?? null") is None
    assert browser.complaints() == []
    assert count(browser, "main img, .plot svg svg[onload]") == 0


def test_names_in_a_chart_are_text_when_pointed_at(browser, hostile):
    browser.show(hostile)
    shown = pointed_at(browser, first("#sampled-kernel .hm image"), 0.4, -0.4)
    assert "{{7*7}} <!--" in shown
    assert browser.script("window.attacked ?? null") is None


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(browser, either, width, scheme):
    """Contrast, names, alternatives, structure, keyboard: by the rules of axe."""
    browser.show(either, width, scheme)
    found = Axe().run(browser.driver)["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []


def test_what_is_not_accessible_is_noticed(browser, plain, folder):
    broken = folder / "broken.html"
    pale = '<p style="color: #ddd; background: #fff">pale</p></main>'
    broken.write_text(plain.read_text().replace("</main>", pale))
    browser.show(broken)
    found = Axe().run(browser.driver)["violations"]
    assert [v["id"] for v in found] == ["color-contrast"]


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_fits_its_width(browser, plain, hostile, compared, width):
    for path in (plain, hostile, compared):
        browser.show(path, width)
        assert browser.script("document.documentElement.scrollWidth") <= width
        assert browser.script("getComputedStyle(document.body).fontSize") == "16px"


def test_colours_follow_the_system_and_the_button(browser, plain):
    def colours():
        return browser.script(
            "[getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('#spectrum .xtick text')).fill]"
        )

    browser.show(plain, scheme="light")
    light = colours()
    browser.prefer("dark")
    browser.wait_until("document.documentElement.dataset.drawn === 'dark'")
    dark = colours()
    assert all(one != other for one, other in zip(light, dark, strict=True))
    browser.driver.find_element(By.ID, "theme").click()
    browser.wait_until("document.documentElement.dataset.drawn === 'light'")
    assert colours() == light
    assert browser.driver.find_element(By.ID, "theme").text == "Dark"


def test_the_keyboard_reaches_everything(browser, plain):
    browser.show(plain)
    body = browser.driver.find_element(By.TAG_NAME, "body")
    reached = []
    body.send_keys(Keys.TAB)
    for _ in range(200):
        reached.append(
            browser.script(
                "(document.activeElement.id"
                " || document.activeElement.getAttribute('class')"
                " || document.activeElement.tagName)"
            )
        )
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if reached.count("skip") > 1 or reached[-1] == "BODY":
            break
    assert reached[:2] == ["skip", "theme"]
    assert any("modebar" in name for name in reached)
    browser.script(
        "document.querySelector('#spectrum .modebar-btn').focus()",
    )
    opacity = "getComputedStyle(document.querySelector('#spectrum .modebar')).opacity"
    assert browser.wait_until(f"{opacity} === '1'")
    assert reached.count("SUMMARY") == 6
    assert reached.count("download") == 2
    assert "scroll" in reached
    browser.driver.find_element(By.ID, "theme").send_keys(Keys.ENTER)
    browser.wait_until("document.documentElement.dataset.drawn === 'dark'")


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshots_are_kept(browser, either, width, scheme):
    browser.show(either, width, scheme)
    path = SCREENSHOTS / f"{either.stem}-{width}-{scheme}.png"
    browser.screenshot(path)
    assert path.stat().st_size > 50_000


def test_the_picture_of_the_readme_is_kept(browser, folder):
    path = folder / "report.html"
    main(["--task", "counting", "--max-points", "4096", "--html", str(path)])
    browser.show(path, 1200)
    found = SCREENSHOTS / "report.png"
    browser.screenshot(found, height=2140)
    assert found.stat().st_size > 50_000
