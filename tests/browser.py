"""A headless Chromium that tests drive by its own protocol; `page` skips where there is no browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Page:
    """One tab."""

    def __init__(self, address: str) -> None:
        from tornado.websocket import websocket_connect

        self._loop = asyncio.new_event_loop()

        async def connected() -> Any:
            return await websocket_connect(address, max_message_size=2**28)

        self._line = self._loop.run_until_complete(connected())
        self._number = 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call ``method`` of the browser; errors that the page threw meanwhile are kept."""
        self._number += 1
        number = self._number
        self._line.write_message(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._loop.run_until_complete(self._heard()))
            if said.get("method") == "Runtime.exceptionThrown":
                self.errors.append(said["params"]["exceptionDetails"].get("text", "error"))
            if said.get("id") == number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result

    async def _heard(self) -> Any:
        return await self._line.read_message()

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def open(self, address: str) -> None:
        self.ask("Page.navigate", url=address)

    def until(self, script: str, seconds: float = 20.0) -> Any:
        """The value of ``script`` once it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(AssertionError):  # the page is being replaced
                value = self.run(script)
                if value:
                    return value
            time.sleep(0.1)
        raise AssertionError(
            f"never true within {seconds} s: {script}; the page says {self.run('document.body.innerText')!r}"
        )

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def picture(self, whole: bool = False) -> bytes:
        import base64

        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def close(self) -> None:
        self._line.close()
        self._loop.close()


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a fresh browser; the test is skipped where there is none."""
    pytest.importorskip("tornado")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            page = Page(_address(process))
            try:
                yield page
            finally:
                page.close()
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    """The debugging address of the browser's first tab."""
    assert process.stderr is not None
    for line in process.stderr:
        if "DevTools listening on" in line:
            port = line.split("127.0.0.1:")[1].split("/")[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
                tabs = json.load(answer)
            return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
    pytest.skip("Chromium does not start here")
