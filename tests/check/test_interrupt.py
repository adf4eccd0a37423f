"""Ctrl-C ends a check at once, whatever the function does at that time; the command line says one line."""

import os
import signal
import subprocess
import sys
import time

import pytest

SLOW = {  # name: what forward does
    "a loop of Python": "while True: pass",
    "a wait": "time.sleep(1000)",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "many slow calls": "time.sleep(0.2); return x**3",
    "a loop that catches every Exception": """
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass""",
}
FILE = """
import sys
import threading
import time
import numpy as np

def forward(x):
    print("called", file=sys.stderr, flush=True)
    {body}

def vjp(x, y, g):
    return 3 * x**2 * g

def inputs(rng):
    return rng.normal(size=3),
"""
LIBRARY = """
import softgrad as sg
try:
    sg.check_vjp(forward, vjp, np.ones(3))
except KeyboardInterrupt:
    print("stopped")
    sys.exit(7)
"""


def interrupted(command, **options):
    """What a process says and returns that is interrupted after the first call of forward."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )
    try:
        assert process.stderr.readline() == "called\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out, [line for line in err.splitlines() if line != "called"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", SLOW)
def test_the_command(name, tmp_path):
    file = tmp_path / "layer.py"
    file.write_text(FILE.format(body=SLOW[name]))
    code = "from softgrad.cli import main; main()"
    status, out, err = interrupted([sys.executable, "-c", code, "check", str(file)], env={**os.environ})
    assert status == 130
    assert out == ""
    assert len(err) == 1
    assert err[0].startswith("softgrad: stopped")


LOCKED = """
import ctypes
mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock
lock(mutex)
"""
DEADLOCK = """
    try:
        lock(mutex)
    except KeyboardInterrupt:  # it came before the call
        lock(mutex)"""


@pytest.mark.skipif(sys.platform != "linux", reason="a mutex of zeros")
def test_a_second_one_ends_a_call_of_c_code(tmp_path):
    """After the first one no instruction of Python follows, so that its handler does not run."""
    file = tmp_path / "layer.py"
    file.write_text(LOCKED + FILE.format(body=DEADLOCK))
    code = "from softgrad.cli import interrupt, main; interrupt.PATIENCE = 0.1; main()"
    command = [sys.executable, "-c", code, "check", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stderr.readline() == "called\n"
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            waits = "softgrad: a call has not returned yet; Ctrl-C again ends it at once\n"
            assert process.stderr.readline() == waits
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60)[1] == "softgrad: stopped\n"
        finally:
            process.kill()
    assert process.returncode == 130


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", SLOW)
def test_the_library(name, tmp_path):
    file = tmp_path / "script.py"
    file.write_text(FILE.format(body=SLOW[name]) + LIBRARY)
    assert interrupted([sys.executable, str(file)]) == (7, "stopped\n", [])
