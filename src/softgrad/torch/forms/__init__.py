"""The closed forms in torch operations, for what no kernel computes: other devices and dtypes, and torch's transforms.

torch differentiates them: in both modes, any number of times, batched, compiled. They are written so that these
derivatives are exact on confident rows too.
"""
