"""CrossEntropyLoss in place of torch.nn.CrossEntropyLoss, and LinearCrossEntropyLoss."""

import copy
import inspect
import pickle

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

MODULES = [st.CrossEntropyLoss, st.LinearCrossEntropyLoss]
ARGUMENTS = {
    "defaults": {},
    "weight": {"weight": torch.tensor([1.0, 2.0, 0.5, 0.0])},
    "smoothing": {"label_smoothing": 0.2},
    "ignored": {"ignore_index": 1},
    "sum": {"reduction": "sum"},
    "rows": {"reduction": "none"},
    "everything": {"weight": torch.tensor([1.0, 2.0, 0.5, 0.1]), "label_smoothing": 0.1, "ignore_index": 2},
}
SHAPES = {"one row": (4,), "rows": (6, 4), "sequences": (2, 4, 5), "images": (2, 4, 3, 2)}


@pytest.mark.parametrize("module", MODULES)
def test_the_arguments_of_torch_come_first(module):
    theirs = list(inspect.signature(torch.nn.CrossEntropyLoss).parameters.values())
    ours = list(inspect.signature(module).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [(p.name, p.default) for p in theirs]
    assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :])


@pytest.mark.parametrize("target", ["classes", "probabilities"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", ARGUMENTS)
def test_agrees_with_torch(case, shape, target):
    options = {k: v.double() if k == "weight" else v for k, v in ARGUMENTS[case].items()}
    if target == "probabilities":
        options.pop("ignore_index", None)
    shape = SHAPES[shape]
    z = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    rows = shape[:1] + shape[2:] if len(shape) > 1 else ()
    t = torch.randint(4, rows) if target == "classes" else torch.softmax(torch.randn_like(z), min(1, len(shape) - 1))
    ours, theirs = st.CrossEntropyLoss(**options)(z, t), torch.nn.CrossEntropyLoss(**options)(z, t)
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-15, equal_nan=True)
    g = torch.randn_like(theirs)
    got, want = torch.autograd.grad(ours, z, g), torch.autograd.grad(theirs, z, g)
    torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-15, equal_nan=True)


@pytest.mark.parametrize("module", [st.CrossEntropyLoss, torch.nn.CrossEntropyLoss])
def test_a_class_to_ignore_does_not_go_with_probabilities(module):
    with pytest.raises((ValueError, RuntimeError), match="ignore_index"):
        module(ignore_index=1)(torch.zeros(2, 3), torch.full((2, 3), 1 / 3))


def test_a_batch_of_ignored_rows_is_nan_as_in_torch_unless_asked():
    z, t = torch.zeros(2, 3), torch.full((2,), -100)
    assert st.CrossEntropyLoss()(z, t).isnan()
    assert st.CrossEntropyLoss(if_all_ignored="zero")(z, t) == 0


@pytest.mark.parametrize(
    ("size_average", "reduce", "reduction"), [(False, None, "sum"), (None, False, "none"), (True, True, "mean")]
)
def test_deprecated_arguments(size_average, reduce, reduction):
    with pytest.warns(UserWarning, match="reduction instead"):
        assert st.CrossEntropyLoss(None, size_average, -100, reduce).reduction == reduction


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("module", MODULES)
def test_copies(module, copied):
    one = module(torch.tensor([1.0, 2.0]), label_smoothing=0.1, z_loss=0.01)
    other = copied(one)
    assert repr(other) == repr(one) == f"{module.__name__}(label_smoothing=0.1, z_loss=0.01)"
    given = (
        (torch.eye(2), torch.eye(2), torch.tensor([0, 1]))
        if module is MODULES[1]
        else (torch.eye(2), torch.tensor([0, 1]))
    )
    assert other(*given) == one(*given)
    other.load_state_dict(one.state_dict())


def test_class_weights_may_be_a_parameter():
    z, target, weight = torch.eye(3), torch.tensor([0, 1, 1]), torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    criterion = st.CrossEntropyLoss(torch.ones(3))
    criterion.weight = weight
    (grad,) = torch.autograd.grad(criterion(z, target), weight)
    (right,) = torch.autograd.grad(st.cross_entropy(z, target, weight=weight), weight)
    assert grad.any()
    assert torch.equal(grad, right)


def test_autocast():
    layer = torch.nn.Linear(8, 5)
    x, t = torch.randn(6, 8), torch.randint(5, (6,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = layer(x)
        loss = st.CrossEntropyLoss()(logits, t)
        log_probs, entropy = st.token_log_probs(logits, t)
        linear = st.LinearCrossEntropyLoss()(x, layer.weight, t, layer.bias)
        of_linear = st.linear_token_log_probs(x, layer.weight, t, layer.bias)
    assert logits.dtype == torch.bfloat16
    assert loss.dtype == linear.dtype == log_probs.dtype == entropy.dtype == torch.float32
    torch.testing.assert_close(-log_probs.mean(), loss, rtol=1e-6, atol=0)
    torch.testing.assert_close(of_linear, (log_probs, entropy), rtol=1e-6, atol=0, check_stride=False)
    right = torch.nn.functional.cross_entropy(logits.float(), t)
    torch.testing.assert_close(loss, right, rtol=1e-6, atol=0)
    torch.testing.assert_close(linear, right, rtol=1e-2, atol=0)
    rounded = (x.bfloat16(), layer.weight.bfloat16(), t, layer.bias.bfloat16())
    assert linear == st.LinearCrossEntropyLoss()(*rounded)
    (loss + linear).backward()
    assert layer.weight.grad.dtype == torch.float32


def test_training_with_one_changed_line():
    def trained(criterion):
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).double()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        x = torch.randn(64, 4, dtype=torch.float64)
        t = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
        for _ in range(20):
            optimizer.zero_grad()
            loss = criterion(model(x), t)
            loss.backward()
            optimizer.step()
        return loss

    torch.testing.assert_close(trained(st.CrossEntropyLoss()), trained(torch.nn.CrossEntropyLoss()), rtol=1e-9, atol=0)


@pytest.mark.parametrize("module", MODULES)
def test_an_option_of_another_name_is_explained(module):
    with pytest.raises(TypeError, match=f"{module.__name__}: unexpected option 'temprature'; did you mean temperature"):
        module(temprature=2.0)


@pytest.mark.parametrize("module", MODULES)
def test_options_are_attributes_that_the_next_call_reads(module):
    given = (*(torch.randn(2, 3), torch.randn(3, 3))[: 1 + (module is MODULES[1])], torch.tensor([0, 1]))
    options = {"z_loss": 0.1, "softcap": 3.0, "temperature": 2.0, "denominator": 5.0, "if_all_ignored": "zero"}
    options |= {"label_smoothing": 0.2, "ignore_index": 1, "weight": torch.tensor([1.0, 2.0, 3.0])}
    assigned = module()
    for name, value in options.items():
        assert getattr(assigned, name) is not value
        setattr(assigned, name, value)
    assert repr(assigned) == repr(module(**options))
    assert assigned(*given) == module(**options)(*given) != module()(*given)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_no_tensor_is_said_in_a_sentence(module):
    given = [torch.randn(2, 3)] * (1 + (module is MODULES[1]))
    with pytest.raises(TypeError, match="cross_entropy: target is a list, wanted a tensor"):
        module()(*given, [0, 1])
    with pytest.raises(TypeError, match=r"cross_entropy: (logits|x) is a list, wanted a tensor"):
        module()([[0.0, 1.0]], *given[1:], torch.tensor([0]))
