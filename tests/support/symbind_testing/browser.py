"""Chromium without a window, with a fresh profile, for tests of pages."""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

# A page is drawn within a second or two; a busy machine may take many times as long.
PATIENCE_SECONDS = 60

_SWITCHES = (
    "--headless=new",
    "--hide-scrollbars",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # A mouse, which a machine without a screen does not have.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,"
    "primaryPointerType=4,availablePointerTypes=4",
)


def require_browser() -> tuple[str, str]:
    """The programs; where they are absent the test is skipped, or fails if required."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium and driver:
        return chromium, driver
    reason = "no chromium with its chromedriver here; `make browser` installs them"
    if os.environ.get("SYMBIND_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


class Browser:
    """A page in Chromium, and what it did."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def show(self, path: Path, width: int = 1400, scheme: str = "light") -> None:
        """Load a file at a width in CSS pixels; returns once charts are drawn."""
        self._drain()
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.prefer(scheme)
        self.driver.get(path.as_uri())
        self.wait_until("document.documentElement.dataset.drawn")

    def prefer(self, scheme: str) -> None:
        """Ask for light or dark colours, as the system does."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.command("Emulation.setEmulatedMedia", features=[feature])

    def command(self, name: str, **values):
        """A command of the Chrome DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, values)

    def script(self, body: str, *values):
        """What an expression of the page's own language gives."""
        return self.driver.execute_script(f"return {body}", *values)

    def wait_until(self, expression: str):
        """Wait for something true, and return it."""
        wait = WebDriverWait(self.driver, PATIENCE_SECONDS, poll_frequency=0.05)
        return wait.until(lambda _: self.script(expression))

    def complaints(self) -> list[str]:
        """Warnings and errors of the console since the page was loaded."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses asked for since the page was loaded, itself and its parts aside."""
        events = [
            json.loads(entry["message"])["message"]
            for entry in self.driver.get_log("performance")
        ]
        sent = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("file:", "data:", "blob:"))]

    def screenshot(self, path: Path, height: int | None = None) -> None:
        """The page from the top, as high as it is or as is given."""
        size = self.script(
            "[document.documentElement.clientWidth,"
            " document.documentElement.scrollHeight]"
        )
        clip = {
            "x": 0,
            "y": 0,
            "width": size[0],
            "height": height or size[1],
            "scale": 1,
        }
        found = self.command(
            "Page.captureScreenshot", captureBeyondViewport=True, clip=clip
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _drain(self) -> None:
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Chromium with a profile in `folder`, and downloads there too."""
    chromium, driver = require_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (*_SWITCHES, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(switch)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        found = Browser(opened)
        found.command(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(folder / "downloads"),
        )
        yield found
    finally:
        opened.quit()
