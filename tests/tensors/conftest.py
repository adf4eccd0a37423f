import pytest


@pytest.fixture(autouse=True)
def same_numbers(torch):  # of the conftest above, which also limits the threads of torch
    torch.manual_seed(0)
