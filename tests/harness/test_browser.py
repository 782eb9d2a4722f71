"""The report in a real browser: nothing missing, nothing too wide, with and without JavaScript."""

import functools
import http.server
import shutil
import threading

import pytest

from symopt.harness import choose
from symopt.harness.report_sections import report
from symopt.harness.runner import execute

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.xdist_group("browser"),
]
WIDE = """
    one = Figure(figsize=(12, 4))
    for ax in one.subplots(1, 3):
        ax.plot(outcome.data["y"])
    return {"wide": one, "tall": Figure(figsize=(3, 9))}"""
LONG = """
    rows = [Row(f"a quantity with a long name, eta = {k}: " + "steps " * k, 1, 1 + k, 0.1 + 1e-9, 1e9, n=10**k, note="note " * 9 * k) for k in range(8)]
    rows += [Row("unbroken" * 12, 1.234567891e-12, 1.234567892e-12, 1.2345678905e-12, 1.2345678935e-12)]
    return Outcome(rows, {"y": [1, 2]}, {"list": list(range(99)), "unbroken": "x" * 300})"""
EQUATIONS = "return {'long': sp.expand((x + 1) ** 30), 'unbroken' * 9: x, 'matrix': sp.Matrix(3, 3, [x] * 9)}"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def findings(samples_and):
    folder = samples_and({"wide": {"run": LONG, "plot": WIDE, "theory": EQUATIONS}})
    return [execute(one) for one in choose(["all"], folder)]


@pytest.fixture(scope="module")
def address(findings, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(report(findings, missing=["never"]))
    return path.as_uri()


def opened(browser, address, **options):
    """Return a page, and the lists that its messages and requests go to."""
    page = browser.new_context(**options).new_page()
    heard, asked = [], []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("requestfailed", lambda request: heard.append(request.url[:80]))
    page.on(
        "request",
        lambda request: asked.append(request.url) if not request.url.startswith("data:") else None,
    )
    page.goto(address, wait_until="load")
    return page, heard, asked


VIEWS = {
    "desktop": (1280, 900),
    "tablet": (760, 1000),
    "phone": (390, 844),
    "small phone": (320, 600),
}


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_claim_is_there_and_nothing_is_missing(browser, address, findings, view, scripts):
    width, height = VIEWS[view]
    page, heard, asked = opened(
        browser, address, viewport={"width": width, "height": height}, java_script_enabled=scripts
    )
    assert heard == []
    assert asked == [address]
    for finding in findings:
        shown = page.locator(f'tr.row[data-experiment="{finding.experiment.name}"]')
        assert shown.count() == len(finding.rows)
        for k, row in enumerate(finding.rows):
            assert shown.nth(k).is_visible()
            text = shown.nth(k).inner_text()
            assert row.quantity.split()[0] in text
            assert row.verdict in text
        section = page.locator(f"#experiment-{finding.experiment.name}")
        assert section.locator(".claim").inner_text() == finding.experiment.claim
        assert (
            page.locator(f"#rows-{finding.experiment.name} .claim").inner_text()
            == finding.experiment.claim
        )
        assert section.locator("img").count() == len(finding.pictures)
        assert section.locator("math").count() >= (1 if finding.equations else 0)
    assert page.get_by_text("interrupted before the end of: never").is_visible()
    buttons = page.locator(".code button")
    assert buttons.count() == 2 * len(findings)
    assert buttons.first.is_visible() == scripts
    page.context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_pictures_load_and_no_page_is_wider_than_its_screen(browser, address, findings, view):
    width, height = VIEWS[view]
    page, _, _ = opened(browser, address, viewport={"width": width, "height": height})
    sizes = page.evaluate(
        "[...document.images].map(one => [one.complete, one.naturalWidth, one.alt])"
    )
    assert len(sizes) == sum(len(finding.pictures) for finding in findings) > 0
    assert all(complete and wide > 0 and alt for complete, wide, alt in sizes)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(
        "[...document.querySelectorAll('.row > *')].every(cell => cell.scrollWidth <= cell.clientWidth + 1)"
    )
    page.context.close()


def test_the_button_copies_code_and_command(browser, address, findings):
    samples = findings[0].experiment.path.parent
    page, heard, _ = opened(browser, address, permissions=["clipboard-read", "clipboard-write"])
    section = page.locator("#experiment-odd")
    section.get_by_role("button", name="Copy command").click()
    section.get_by_role("button", name="Copied").wait_for()
    command = f"symopt experiments run odd --from {samples}"
    assert page.evaluate("navigator.clipboard.readText()") == command
    section.locator("summary").click()
    section.get_by_role("button", name="Copy code").click()
    section.get_by_role("button", name="Copied").nth(1).wait_for()
    assert (
        page.evaluate("navigator.clipboard.readText()")
        == f"# {command}\n{(samples / 'odd.py').read_text()}"
    )
    assert heard == []
    page.context.close()


def test_the_button_copies_where_there_is_no_clipboard(browser, address):
    page, heard, _ = opened(browser, address)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    section = page.locator("#experiment-odd")
    section.get_by_role("button", name="Copy command").click()
    section.get_by_role("button", name="Copied").wait_for()
    assert "symopt experiments run odd" in page.evaluate("getSelection().toString()")
    assert heard == []
    page.context.close()


def test_the_page_prints_whole(browser, address):
    page, _, _ = opened(browser, address)
    page.emulate_media(media="print")
    assert page.locator("tr.row").last.is_visible()
    assert not page.locator(".code button").first.is_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    page.context.close()


def test_links_to_the_figures_files(browser, samples, tmp_path):
    """The files that the page names lie beside it."""
    from symopt.harness import conduct

    conduct(choose(["agrees"], samples), tmp_path / "out")
    handler = functools.partial(Quiet, directory=tmp_path / "out")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        page, heard, asked = opened(browser, f"{base}/report.html")
        links = page.locator("figcaption a")
        found = [links.nth(k).get_attribute("href") for k in range(links.count())]
        assert [page.request.get(f"{base}/{link}").status for link in found] == [200] * 4
        assert heard == []
        assert asked == [f"{base}/report.html"]
        page.context.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass
