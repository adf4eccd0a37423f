import pytest


@pytest.fixture(autouse=True)
def same_numbers(torch):  # of the conftest above, which also limits the threads of torch
    torch.manual_seed(0)


@pytest.fixture
def buffer_sizes(monkeypatch):
    """The bytes of each buffer of logits that a linear loss takes."""
    from softgrad.torch.cpu_linear import whole_rows

    sizes, original = [], whole_rows.new_buffer

    def watched(entries, dtype):
        buffer = original(entries, dtype)
        sizes.append(buffer.nbytes)
        return buffer

    monkeypatch.setattr(whole_rows, "new_buffer", watched)
    return sizes
