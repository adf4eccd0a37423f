import sys
from types import ModuleType

import pytest


@pytest.fixture
def names_in(tmp_path, monkeypatch):
    """Runs a file that begins with `import numpy as np`, and returns its names."""

    def run(source):
        module = ModuleType("user_functions")
        monkeypatch.setitem(sys.modules, "user_functions", module)
        path = tmp_path / "user_functions.py"
        path.write_text(f"import numpy as np\n{source}")
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
        return vars(module)

    return run
