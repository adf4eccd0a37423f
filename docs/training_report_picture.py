"""Takes the picture of a training report in the docs, with Chromium: `python docs/training_report_picture.py`."""

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from chromium import window

PICTURE = Path(__file__).parent / "images" / "training-report.png"
WIDTH, HEIGHT, FIRST = 1100, 1270, "calibration"  # the picture begins at this section


def main() -> None:
    """Trains on the digits, and takes a picture of the middle of the report."""
    with tempfile.TemporaryDirectory() as folder, window() as chromium:
        command = "from softgrad.cli import main; main()"
        subprocess.run([sys.executable, "-c", command, "train", "--out", "run"], cwd=folder, check=True)
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        chromium.get((Path(folder) / "run" / "report.html").as_uri())
        top = chromium.execute_script(f"return document.getElementById('{FIRST}').getBoundingClientRect().top")
        clip = {"x": 0, "y": top, "width": WIDTH, "height": HEIGHT, "scale": 0.7}
        taken = chromium.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    PICTURE.write_bytes(base64.b64decode(taken["data"]))


if __name__ == "__main__":
    main()
