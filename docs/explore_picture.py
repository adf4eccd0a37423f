"""Takes the pictures of `softgrad explore`, with Chromium: `python docs/explore_picture.py`."""

import socket
import subprocess
import sys
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).parent))
from chromium import SCHEMES, show, taken, window

FOLDER = Path(__file__).parent / "images"
WIDTH, HEIGHT = 900, 720
STARTS_WITHIN = 60  # seconds


def main() -> None:
    """Starts the server, and takes both pictures of the top of its page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-c", "from softgrad.cli import main; main()", "explore", "--headless", "--port", port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served, window() as chromium:
        try:
            served.stdout.readline()  # the address: the server is ready
            for scheme, end in SCHEMES.items():
                show(chromium, f"http://127.0.0.1:{port}", WIDTH, HEIGHT, scheme)
                shown = WebDriverWait(chromium, STARTS_WITHIN)
                shown.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".sg-explanation"))
                taken(chromium, 0, WIDTH, HEIGHT).save(FOLDER / f"explore{end}.png", optimize=True)
        finally:
            served.terminate()


if __name__ == "__main__":
    main()
