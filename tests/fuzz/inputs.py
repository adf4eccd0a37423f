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
        # Functions and classes that are found by their names.
        "import numpy as np\ndef softmax(z): return np.exp(z)\ndef softmax_grad(p, dp): return p * dp\n",
        "def f(x): return x ** 2\ndef df(x): return 2 * x\ndef g(x): return x\ndef g_grad(x): return {}\n",
        "def loss(W, X, y): return ((X @ W - y) ** 2).sum()\ndef gradient(W, X, y): return 2 * X.T @ (X @ W - y)\n",
        "def loss(x): return (x ** 2).sum(), 2 * x\ndef cost(x): return x.sum(), [x, None]\n",
        "def loss(params): return params['W'].sum()\ndef grad(params): return {'dW': params['W'] * 0 + 1}\n",
        "def f(x): return iter(x)\ndef df(x): yield x\n",
        "def f(x): raise BaseException('odd')\ndef df(x): return x\n",
        "def f(x): raise GeneratorExit\ndef df(x): return x\n",
        "def f(x): return f(x)\ndef df(x): return x\n",
        "def f(x, *more, **others): return x\ndef df(*all): return all[-1]\n",
        "f = lambda x: (x, x)\ndf = lambda d, cache: d * cache\n",
        "def loss(z, y): return z[y].sum()\ndef grad(z, y): return z * float('nan')\n",
        "class L:\n    def forward(self, x): return x\n    def backward(self, g): return g\n",
        "class L:\n    def forward(self, x): self.x = x\n    def backward(self, g): self.dx = g\n",
        "class L:\n    def __init__(self): raise OSError(2, 'odd', 'file')\n"
        "    forward = backward = lambda self, x: x\n",
        "class L:\n    __slots__ = ('x',)\n    def forward(self, x): return x\n    def backward(self, g): return {}\n",
        "class L:\n    def __getattr__(self, name): raise ValueError(name)\n"
        "    forward = backward = lambda self, x: x\n",
        "class L:\n    def loss(self, X, y): return 1.0, {}\nclass M(L):\n"
        "    def loss(self, X, y): return X.sum(), {'X': X}\n",
        "class Meta(type):\n    def __call__(self, *a): raise SystemExit(4)\nclass L(metaclass=Meta):\n"
        "    forward = backward = print\n",
        "import numpy as np\nX = np.full((9, 9), np.nan)\ny = np.array(['a'])\ndef f(X): return X\n"
        "def df(X): return X\n",
        "def f(\u03b8): return \u03b8\ndef df(\u03b8): return \u03b8 * 0 + 1\n",
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
