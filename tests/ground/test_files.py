"""Writing files: what stands at the path, failures and kills at every step, and two runs at once."""

import errno
import fcntl
import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from softgrad import _files
from softgrad._files import check_writable, read_whole, write_together, write_whole
from softgrad.errors import WriteError

ROOT = os.geteuid() == 0


def tree(folder):
    """What is in a folder: for each path its kind, and the content of a file or the target of a link."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


def test_a_new_file_has_the_mode_of_new_files(tmp_path):
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "a" / "b" / "new", b"x")
    assert (tmp_path / "a" / "b" / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_replaced_file_keeps_its_mode(mode, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_whole(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_a_replaced_file_keeps_its_owner(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    owner = (1234, 4321) if ROOT else (os.geteuid(), os.getgroups()[-1])  # nobody but root can give files away
    os.chown(path, *owner)
    write_whole(path, b"new")
    assert (path.read_bytes(), path.stat().st_uid, path.stat().st_gid) == (b"new", *owner)


LINKS = {  # name: (link: target, the file that is written)
    "to a file": ({"link": "folder/file"}, "folder/file"),
    "to nothing": ({"link": "folder/missing"}, "folder/missing"),
    "to a link": ({"link": "second", "second": "folder/file"}, "folder/file"),
    "in the folder's name": ({"other": "folder"}, "folder/file"),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_symbolic_link_is_followed_and_stays(case, tmp_path):
    links, written = LINKS[case]
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"old")
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)
    write_whole(tmp_path / ("other/file" if "other" in links else "link"), b"new")
    assert (tmp_path / written).read_bytes() == b"new"
    assert all(str((tmp_path / link).readlink()) == target for link, target in links.items())


def test_a_fifo_is_written_to_and_stays(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    for _ in range(1000):  # until the reader has come
        try:
            write_whole(path, b"x" * 100_000)  # more than a pipe holds
        except WriteError as error:
            assert "no program reads" in str(error)
            time.sleep(0.01)
        else:
            break
    reader.join(20)
    assert got == [b"x" * 100_000]
    assert path.is_fifo()


def test_a_device_is_written_to_and_stays(tmp_path):
    """A terminal of our own, and where the system permits it a null device of our own."""
    controller, terminal = os.openpty()
    devices = [Path(os.ttyname(terminal))]
    with suppress(PermissionError):
        os.mknod(tmp_path / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        (tmp_path / "null").open("wb").close()  # it may be forbidden to open it
        devices.append(tmp_path / "null")
    try:
        for path in devices:
            before = path.stat()
            write_whole(path, b"x")
            assert path.is_char_device()
            assert (path.stat().st_ino, path.stat().st_rdev) == (before.st_ino, before.st_rdev)
        assert os.read(controller, 9) == b"x"
    finally:
        os.close(controller)
        os.close(terminal)


def test_an_open_file_descriptor_is_written_to(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(b"before ")
        file.flush()
        write_whole(Path(f"/dev/fd/{file.fileno()}"), b"after")
    assert (tmp_path / "file").read_bytes() == b"before after"


def loop(folder):
    (folder / "path").symlink_to("path")


def fifo(folder):
    os.mkfifo(folder / "path")


def directory(folder):
    (folder / "path").mkdir()


def file_above(folder):
    (folder / "path").touch()


REFUSED = {  # name: (function that makes the path, the path, message)
    "symbolic link to itself": (loop, "path", "Too many levels of symbolic links"),
    "FIFO that nobody reads": (fifo, "path", "it is a FIFO that no program reads; start its reader first"),
    "folder": (directory, "path", "Is a directory"),
    "below a file": (file_above, "path/below", "Not a directory"),
    "long name": (file_above, "x" * 256, "File name too long"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("function", ["write_whole", "check_writable"])
def test_a_path_that_cannot_be_written_is_refused_in_one_sentence(case, function, tmp_path):
    make, name, message = REFUSED[case]
    make(tmp_path)
    before = tree(tmp_path)
    path = tmp_path / name
    if function == "check_writable" and make is fifo:  # its reader may come while the work is done
        check_writable(path)
        return
    with pytest.raises(WriteError) as raised:
        write_whole(path, b"x") if function == "write_whole" else check_writable(path)
    assert str(raised.value) == f"{path} cannot be written: {message}; choose another path"
    assert tree(tmp_path) == before


def test_what_a_user_may_not_write_is_refused():
    """In a process without the rights of root, which may write everywhere."""
    code = (
        "import fcntl, os, sys, tempfile; from pathlib import Path\n"
        "from softgrad._files import write_whole, check_writable\n"
        "os.geteuid() or (os.chdir(sys.argv[1]), os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
        "for name in ('protected', 'new', 'a/new'):\n"
        "  for call in (lambda path: write_whole(path, b'x'), check_writable):\n"
        "    try: call(Path(name))\n"
        "    except OSError as error: print(error)\n"
        "    else: print('written')"
    )
    with tempfile.TemporaryDirectory() as name:  # that of pytest is closed to other users
        Path(name, "protected").touch(mode=0o444)
        Path(name).chmod(0o555)
        run = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, timeout=60, cwd=name)
        Path(name).chmod(0o755)
    assert run.stderr == ""
    reasons = {"protected": "it is write-protected", "new": "Permission denied", "a/new": "Permission denied"}
    wanted = [f"{path} cannot be written: {reason}; choose another path" for path, reason in reasons.items()]
    assert run.stdout.splitlines() == [line for line in wanted for _ in range(2)]


def test_the_longest_name_that_the_system_takes_is_written(tmp_path):
    write_whole(tmp_path / ("x" * 255), b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["x" * 255]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """A limit on the size of files stands for the size of the disk."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(WriteError, match=f"^{path} cannot be written: File too large; choose another path$"):
            write_whole(path, b"x" * (1 << 17))
        with pytest.raises(WriteError, match="File too large"):
            write_together({tmp_path / "a" / "first": b"x", path: b"x" * (1 << 17)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {name: content for name, (_, content) in tree(tmp_path).items()} == {"file": b"old"}


def test_one_file_under_two_names_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(WriteError, match=r"link and .*file are the same file; choose two paths"):
        write_together({tmp_path / "file": b"1", tmp_path / "link": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


CALLS = ("open", "write", "fsync", "replace", "link", "fchmod")


@pytest.mark.parametrize("there", ["both", "first", "second", "none"])
def test_after_a_failure_at_any_step_all_files_are_as_they_were(there, tmp_path, monkeypatch):
    """The system fails at the first call, then at the second, and so on, until none is left to fail."""
    paths = [tmp_path / "first", tmp_path / "second"]
    old = {"both": paths, "first": paths[:1], "second": paths[1:], "none": []}[there]
    originals = {name: getattr(os, name) for name in CALLS}
    failures = 0
    for step in range(100):
        for path in paths:
            path.unlink(missing_ok=True)
        for path in old:
            path.write_bytes(b"old")
        made = [0]

        def failing(call, made=made, step=step):
            def counted(*arguments, **options):
                made[0] += 1
                if made[0] == step + 1:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return call(*arguments, **options)

            return counted

        with monkeypatch.context() as patch:
            for name, call in originals.items():
                patch.setattr(os, name, failing(call))
            try:
                write_together(dict.fromkeys(paths, b"new"))
            except WriteError as error:
                failures += 1
                assert "cannot be written: Input/output error" in str(error)
                wanted = {path.name: b"old" for path in old}
            else:
                wanted = {path.name: b"new" for path in paths}
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == wanted, step
        if made[0] <= step:
            break
    assert failures >= 8


def test_after_a_kill_at_any_step_no_old_file_stands_beside_a_new_one(tmp_path):
    """Files that are there are all old or all new, and the next run removes what the killed one left."""
    script = Path(__file__).with_name("killed_writes.py")
    run = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=120, check=True)
    steps = [json.loads(line) for line in run.stdout.splitlines()]
    found = [{step["model"], step["metrics"]} - {None} for step in steps]
    assert all(each in ({"old"}, {"new"}) for each in found), steps
    assert all(step["model"] is not None for step in steps)
    assert all(step["cleaned"] for step in steps)
    assert [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]
    assert len(steps) > 10
    assert any(step["leftovers"] for step in steps)
    assert sum(step["metrics"] is None for step in steps) < len(steps) / 2


def test_the_files_of_a_running_process_are_left_alone(tmp_path, monkeypatch):
    """While another process holds the lock, nothing is removed and nothing written."""
    left = tmp_path / ".softgrad-0123.tmp"
    left.touch()
    monkeypatch.setattr(_files, "LOCK_TRIES", 2)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(WriteError, match="another program holds the lock on this folder; wait for it to end"):
            write_whole(tmp_path / "file", b"x")
        assert list(tmp_path.iterdir()) == [left]
    finally:
        os.close(descriptor)
    write_whole(tmp_path / "file", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_ctrl_c_between_two_renames_waits_for_the_second(tmp_path, monkeypatch):
    import signal

    replace = Path.replace

    def interrupted(path, target):
        os.kill(os.getpid(), signal.SIGINT)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    _files.written.clear()
    paths = [tmp_path / "first", tmp_path / "second"]
    with pytest.raises(KeyboardInterrupt):
        write_together(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"new", b"new"]
    assert _files.written == paths


def test_a_pipe_is_read_to_its_end_and_a_fifo_without_a_writer_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="it is a FIFO that no program writes to"):
        read_whole(tmp_path / "fifo")
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(writer, b"x" * 200_000), os.close(writer)))
    thread.start()
    try:
        assert read_whole(Path(f"/dev/fd/{reader}")) == b"x" * 200_000
    finally:
        os.close(reader)
        thread.join(20)


def test_a_device_is_not_read():
    controller, terminal = os.openpty()
    try:
        with pytest.raises(OSError, match="it is a device, wanted a file"):
            read_whole(Path(os.ttyname(terminal)))
    finally:
        os.close(controller)
        os.close(terminal)
