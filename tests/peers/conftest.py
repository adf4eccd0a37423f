"""The tests of this folder are collected only if they are asked for: python -m pytest -m peers tests/peers."""


def pytest_ignore_collect(config):
    return None if config.getoption("markexpr") == "peers" else True
