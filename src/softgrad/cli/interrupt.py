"""Ctrl-C: what it says, when it takes effect, and that Ctrl-C twice ends the command at once.

Python handles a signal when it runs its next instruction, so a call of C code that never returns blocks Ctrl-C. The
signal itself still writes to a socket (signal.set_wakeup_fd), on which a thread waits. Where the C code keeps the GIL,
as sum(range(10**18)) does, that thread cannot run either.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SLOW = 5.0  # seconds of loading before a word is said
INTERRUPTED = 130  # the exit code after Ctrl-C
PATIENCE = 2.0  # seconds after the first Ctrl-C before a word is said


class Stopped(Exception):
    """Ctrl-C has ended the command, which says what it has left behind."""


@contextmanager
def interrupt_noted() -> Iterator[list[int]]:
    """Within the block, the first Ctrl-C is only put into the list, and the second one is a KeyboardInterrupt."""
    noted: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        if noted:
            handler(number, frame)
        noted.append(number)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def second_interrupt_ends() -> Iterator[None]:
    """Within the block, the second Ctrl-C ends the process at once. Nothing is cleaned up then."""
    if threading.current_thread() is not threading.main_thread():  # only there a signal can be handled
        yield
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_wait, args=(receiver,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        sender.close()  # ends the thread
        thread.join()
        receiver.close()


def _wait(receiver: socket.socket) -> None:
    seen = 0
    while True:
        try:
            signals = receiver.recv(64)
        except TimeoutError:
            print("softgrad: a call has not returned yet; Ctrl-C again ends it at once", file=sys.stderr, flush=True)
            receiver.settimeout(None)
            continue
        seen += signals.count(signal.SIGINT)
        if seen > 1:
            os.write(2, b"softgrad: stopped\n")
            os._exit(INTERRUPTED)
        if not signals:
            return
        if seen:
            receiver.settimeout(PATIENCE)


@contextmanager
def said_if_slow(text: str) -> Iterator[threading.Event]:
    """Says on standard error that the block is still running, if it takes long. The event is set once that is said."""
    stream, said = sys.stderr, threading.Event()

    def say() -> None:
        print(f"softgrad: {text}", file=stream, flush=True)
        said.set()

    timer = threading.Timer(SLOW, say)
    timer.daemon = True
    timer.start()
    try:
        yield said
    finally:
        timer.cancel()
