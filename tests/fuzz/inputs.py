"""Tables and Python files for the fuzz: the first of each list is right."""

ROWS = "".join(f"{i % 7}.5,{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}\n" for i in range(40))
TABLE = "a,b,kind\n" + ROWS

TABLES = [
    text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    for text in [
        TABLE,
        TABLE,
        TABLE,
        TABLE.replace("red", "größe"),
        "a,kind\n" + "1,1\n2,1.0\n3,2\n" * 9,
        "a,kind\n" + "1_000,x\n2,y\n" * 9,
        "a,kind\n" + "\u0661,x\n2,y\n" * 9,
        "a,kind\n" + "1e308,x\n-1e308,y\n" * 9,
        "a,kind\n" + "1e-320,x\n2e-320,y\n" * 9,
        "a,kind\n" + "nan,x\n2,y\n" * 9,
        "",
        "a,kind\n",
        "a;kind\n1;2\n",
        "a,a\n1,2\n",
        "kind\nx\ny\n",
        "a,kind\n" + "x" * 200_000 + ",y\n",
        "a,kind\n1,x\n" + ",".join("1" * 3000) + "\n",
        ",".join(f"c{i}" for i in range(3000)) + ",kind\n" + ",".join("1" * 3001) + "\n",
        "x" * 5000 + ",kind\n" + "1,x\n2,y\n" * 9,
        "\x1b[31m,kind\n" + "1,x\n2,\x1b[0m\n" * 9,
        'a,"ki\nnd"\n' + "1,x\n2,y\n" * 9,
        "\x00,kind\n" + "1,x\n2,y\n" * 9,
        b"\xff\xfe\x00",
        b"a,kind\n\x80,x\n",
        bytes(range(256)) * 20,
    ]
]

RIGHT = """
import numpy as np
def forward(z):
    return z * 2
def vjp(z, p, g):
    return 2 * g
def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
def backward(z, p, g):
    return p * (1 - p) * g
def loss(z, t=None):
    return (z ** 2).sum()
def grad(z, t=None):
    return 2 * z
"""

USER_FILES = [
    text if isinstance(text, bytes) else text.encode()
    for text in [
        RIGHT,
        RIGHT,
        RIGHT,
        RIGHT.replace("return 2 * g", "return 3 * g"),
        RIGHT + "def inputs(rng):\n    return (rng.normal(size=(3, 2)),)\n",
        RIGHT + "def inputs(rng):\n    return rng.normal(size=3)\n",
        RIGHT + "def inputs():\n    return ()\n",
        RIGHT + "raise SystemExit\n",
        RIGHT + "raise SystemExit('x' * 100000)\n",
        RIGHT + "class Odd(BaseException): pass\nraise Odd('odd')\n",
        RIGHT + "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd\n",
        RIGHT + "class Odd(BaseException):\n    def __str__(self): raise Odd\nraise Odd\n",
        RIGHT + "raise KeyboardInterrupt\n",
        RIGHT + "raise GeneratorExit\n",
        RIGHT + "raise MemoryError\n",
        RIGHT + "raise EOFError\n",
        RIGHT + "input()\n",
        RIGHT + "raise Exception('x' * 100000)\n",
        RIGHT + "raise Exception('a\\nb\\x1b[31m\\udcff')\n",
        RIGHT + "raise OSError(28, 'No space left', 'file')\n",
        RIGHT + "raise OSError('odd')\n",
        RIGHT + "def f(): f()\nf()\n",
        RIGHT + "import nothing_of_this_name\n",
        RIGHT + "import warnings; warnings.warn('odd')\n",
        RIGHT + "raise ExceptionGroup('odd', [ValueError(1)])\n",
        RIGHT.replace("return z * 2", "raise SystemExit(3)"),
        RIGHT.replace("return z * 2", "return None"),
        RIGHT.replace("return z * 2", "return 'text'"),
        RIGHT.replace("return z * 2", "return [[1], [2, 3]]"),
        RIGHT.replace("return z * 2", "return z * np.nan"),
        RIGHT.replace("return z * 2", "return z * 1e300"),
        RIGHT.replace("return z * 2", "return np.zeros((0, 3))"),
        RIGHT.replace("return z * 2", "return z.astype(object)"),
        RIGHT.replace("return z * 2", "return 10 ** 5000"),
        RIGHT.replace("return 2 * g", "return ()"),
        RIGHT.replace("return 2 * g", "return (g, g, g)"),
        RIGHT.replace("return 2 * g", "raise BaseException('odd')"),
        RIGHT.replace("return 2 * g", "return {}"),
        RIGHT.replace("return 2 * g", "return g[0]"),
        RIGHT.replace("return 2 * g", "return 10 ** 400"),
        RIGHT.replace("def vjp(z, p, g)", "def vjp(" + ", ".join(f"argument{i}" for i in range(200)) + ", g)"),
        RIGHT.replace("def forward(z)", "def forward(*, z)"),
        "forward = vjp = print\n",
        "forward = vjp = lambda *a: a\n",
        "class forward: pass\nvjp = forward\n",
        "".join(f"def function{i}(z): return z\n" for i in range(500)),
        "def " + "f" * 3000 + "(z): return z\n",
        "forward = (\n",
        "(" * 10000,
        "x = " + "-" * 100000 + "1\n",
        "x = " + "9" * 5000 + "\n",
        "\ufefffrom __future__ import braces\n",
        b"\x00forward = 1\n",
        b"# coding: nonsense\n",
        b"x = '\xff'\n",
        "",
    ]
]
