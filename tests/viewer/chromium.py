"""A headless Chromium, driven over its DevTools protocol: what a person would do."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "google-chrome", "chromium-browser", "chrome")
START_S = 30
ANSWER_S = 20

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)

KEYS = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "Escape": 27,
    "Enter": 13,
    "Tab": 9,
    "/": 191,
}


class TooSlow(Exception):
    """The browser did not start, or did not answer, in the time that it has."""


def find_chromium() -> str | None:
    """The program: $CHROME, else the first of the usual names that is there."""
    named = os.environ.get("CHROME")
    found = (shutil.which(name) for name in ((named,) if named else NAMES))
    return next((path for path in found if path), None)


class Chromium:
    """One browser, and a thread that talks to it."""

    def __init__(self, program: str, folder: Path) -> None:
        """`folder`: empty, its own. Raises `TooSlow`."""
        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._last = 0
        self._http: aiohttp.ClientSession | None = None
        self._reading: asyncio.Future[None] | None = None
        try:
            address = self._wait_for_address(folder / "DevToolsActivePort")
            self._run(self._connect(address))
        except BaseException:
            self.close()
            raise

    def _wait_for_address(self, file: Path) -> str:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            lines = file.read_text().split() if file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self._process.poll() is not None:
                raise TooSlow(f"Chromium ended with status {self._process.returncode}")
            time.sleep(0.05)
        raise TooSlow(f"Chromium did not start within {START_S} s")

    async def _connect(self, address: str) -> None:
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(address, max_msg_size=1 << 28)
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                answer = self._answers.pop(told["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(told)
            elif told.get("sessionId") in self._pages:
                self._pages[told["sessionId"]].hear(told["method"], told["params"])

    def _run(self, coroutine: Any) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(
                ANSWER_S
            )
        except TimeoutError as error:
            raise TooSlow("Chromium does not answer") from error

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """The result of a method of the protocol. Raises `RuntimeError` if it fails."""

        async def ask() -> dict[str, Any]:
            self._last += 1
            answer = self._loop.create_future()
            self._answers[self._last] = answer
            question = {"id": self._last, "method": method, "params": parameters}
            if session is not None:
                question["sessionId"] = session
            await self._socket.send_json(question)
            return await answer

        told = self._run(ask())
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']['message']}")
        return told["result"]

    def new_page(self) -> "Page":
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, session["sessionId"])
        self._pages[session["sessionId"]] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        return page

    def close(self) -> None:
        """End it, and all that belongs to it."""
        with suppress(Exception):
            self.call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

        async def end() -> None:
            if self._reading is not None:
                await self._reading
            if self._http is not None:
                await self._http.close()

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Page:
    """One page: what is done to it, and what it says of errors (`complaints`)."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in (
            "error",
            "warning",
            "assert",
        ):
            self.complaints.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] != "verbose":
            self.complaints.append(json.dumps(params["entry"]))

    def call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, self._session, **parameters)

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=is_phone)

    def break_network(self, *, is_broken: bool = True) -> None:
        self.call(
            "Network.emulateNetworkConditions",
            offline=is_broken,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def mend_network(self) -> None:
        self.break_network(is_broken=False)

    def prefer(self, scheme: str) -> None:
        """`scheme`: "light" or "dark"."""
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def allow_clipboard(self, origin: str) -> None:
        self._browser.call(
            "Browser.grantPermissions",
            permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
            origin=origin,
        )

    def value(self, expression: str) -> Any:
        """The value of JavaScript, a promise's too. Raises `RuntimeError` if it throws."""
        told = self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"]))
        return told["result"].get("value")

    def wait(self, expression: str, *, limit_s: float = ANSWER_S) -> Any:
        """Wait until JavaScript is true, and give its value; `AssertionError` if not."""
        end = time.monotonic() + limit_s
        while True:
            value = self.value(expression)
            if value:
                return value
            if time.monotonic() > end:
                status = self.value("document.getElementById('status')?.textContent")
                raise AssertionError(
                    f"never true: {expression}; the page says {status}"
                )
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        text: str = self.value(f"document.querySelector({selector!r}).textContent")
        return text

    def click(self, selector: str) -> None:
        """A click of the mouse in the middle of an element, which must be there to hit."""
        x, y = self.value(
            f"(() => {{ const element = document.querySelector({selector!r});"
            "element.scrollIntoView({block: 'nearest', inline: 'nearest'});"
            "const box = element.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        self.click_at(x, y)

    def click_at(self, x: float, y: float) -> None:
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="none" if kind == "mouseMoved" else "left",
                clickCount=0 if kind == "mouseMoved" else 1,
            )

    def wheel(self, x: float, y: float, pixels: float) -> None:
        self.call(
            "Input.dispatchMouseEvent",
            type="mouseWheel",
            x=x,
            y=y,
            deltaX=0,
            deltaY=pixels,
        )

    def press(self, key: str) -> None:
        code = KEYS.get(key, ord(key[0].upper()))
        text = key if len(key) == 1 else "\r" if key == "Enter" else ""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def pick(self, selector: str, name: str) -> None:
        """Choose the option of that name of a select element."""
        self.value(
            f"(() => {{ const list = document.querySelector({selector!r});"
            f"const found = [...list.options].find((one) => one.text === {name!r});"
            "list.value = found.value;"
            "list.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def shoot(self, file: Path) -> None:
        told = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(told["data"]))
