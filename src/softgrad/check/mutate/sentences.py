"""The sentence that says what was done, for each kind of change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from softgrad.check.mutate.candidate import ANY, Misfit, Ref, Where
from softgrad.check.mutate.choice import Choice
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.rules_edges import scale
from softgrad.check.mutate.texts import Texts
from softgrad.check.mutate.twins import has_twin
from softgrad.check.user.arguments import Key
from softgrad.formulas.notation import as_formula

STEPS = {
    "all": "",
    "first": " in the first step",
    "last": " in the last step",
    "but first": " in every step but the first",
    "but last": " in every step but the last",
}
TERMS = {
    "": "",
    "sign": "the sign of ",
    "square": "the square of ",
    "unit": "the unit vector of ",
    "inverse": "1 / ",
}


def quoted(text: str) -> str:
    """A text of the user's in quotes; one in words, such as "the sum in line 7", as it is."""
    return text if text.startswith(("the ", "an array ")) else f"`{text}`"


class Sentence:
    """Says what a change does.

    Args:
        choice: the change.
        draw: a draw on which it fits.
        texts: names of nodes.
        names: of the inputs.
    """

    def __init__(self, choice: Choice, draw: Draw, texts: Texts, names: Mapping[Key, str]) -> None:
        plain, node = choice.fit.plain, choice.node
        self.choice, self.draw, self.texts, self.names = choice, draw, texts, names
        self.node, self.k, self.told, self.variant = node, plain.operand, plain.told, plain.told.get("variant")
        self.target = quoted(texts.of(node) if self.k in (None, ANY) else texts.operand(node, self.k))
        self.source = quoted(texts.of(node))
        is_own = node.site is not None and not node.site.inside and node.op not in ("gather", "assemble")
        if self.k is not None and self.source == self.target and is_own:
            self.source = f"the new {self.source}"  # x = x + ...
        self.flow = f"what flows back to {self.target}"
        self.is_scale = plain.rule is scale
        is_told = self.is_scale and self.source != self.target
        if is_told and self.k is not None and len(draw.graph.consumers.get(node.parents[self.k], ())) > 1:
            self.flow += f" through {self.source}"
        if plain.told.get("term"):
            self.is_scale, self.flow = True, f"what flows back to {self.target} by way of {self._end()}"
        self.factor = choice.factor.text if choice.factor is not None else ""
        self.steps = f", wherever {plain.where.op} stands" if plain.where.op else STEPS[plain.where.subset]
        if self.variant == "negated":
            self.steps = ""
        self.times = f", times {self.factor}" if self.factor and not (self.is_scale or plain.tells_factor) else ""

    def text(self) -> str:
        """The sentence, with a capital and without its full stop."""
        kind = self.choice.kind.replace("-", "_")
        say: Callable[[], str] = self._part if "function" in self.told else getattr(self, f"_{kind}")
        note = self.choice.factor.note if self.choice.factor is not None else ""
        text = say() + self.times + self.steps + self._slice() + note
        return text[:1].upper() + text[1:]

    def _slice(self) -> str:
        use = self.told.get("use")
        takers = use.nodes(self.draw) if isinstance(use, Where) else []
        if takers:
            return f", in the part that comes back from {quoted(self.texts.of(takers[0]))}"
        part = self.told.get("slice")
        nodes = part.nodes(self.draw) if isinstance(part, Where) else []
        return f", in the part that `{self.texts.of(nodes[0])}` takes" if nodes else ""

    def _end(self) -> str:
        end = self.told.get("end")
        nodes = end.nodes(self.draw) if isinstance(end, Where) else []
        return quoted(self.texts.of(nodes[0])) if nodes else self.source

    def _ref(self) -> str:
        ref: Ref = self.told["ref"]
        if ref.operand is not None and ref.where.site is not None:
            group = self.draw.places.get((ref.where.site, ref.where.callers or ()), [])
            if group:
                return quoted(self.texts.operand(group[0], ref.operand))
        for one in (ref, ref._replace(shift=0)):
            try:
                return quoted(self.texts.of(one.node(self.draw, self.node)))
            except Misfit:  # at the first step of a loop
                continue
        return "another array"

    def _other(self) -> str:
        return quoted(self.texts.operand(self.node, int(self.told["other"])))

    def _part(self) -> str:
        if self.variant == "means":
            where = f"in the backward pass of {self.told['function']} {self._end()}"
            return f"{where}, the means are {self.factor} times what they should be"
        if self.variant == "scaled after":
            scale = self.texts.operand(*self.told["scale"])
            where = f"in the backward pass of {self.told['function']} {self._end()}"
            return f"{where}, `{scale}` is multiplied after the means are taken, not before"
        if self.variant == "blocks":
            where = f"in the backward pass of {self.told['function']} {self._end()}"
            return f"{where}, the means run over {self.told['length']} entries each, not over all {self.told['of']}"
        wrong, right = as_formula(self.told["wrong"]), as_formula(self.told["right"])
        return (
            f"in the backward pass of {self.told['function']} {self._end()}, `{wrong}` stands where `{right}` belongs"
        )

    def _left_out(self) -> str:
        node, k = self.node, self.k
        if self.variant == "given factor":
            factor = self.texts.operand(*self.told["product"])
            return f"`{factor}` is left out of the derivative of {self._end()} by {self.target}"
        if self.variant == "norm":
            return f"{self.flow} is not divided by {self.source}"
        if self.variant == "selection":
            return f"{self.flow} goes to entries too that {self.source} does not take"
        if self.told.get("term"):
            return f"nothing flows back to {self.target} by way of {self._end()}"
        if self.is_scale and k is not None and has_twin(self.draw, node, k):
            return f"{self.target} stands there twice, but what flows back is that of one place alone, the half"
        if self.is_scale:
            return f"nothing flows back to {self.target}" + ("" if k is None else f" through {self.source}")
        if k is not None and len(node.parents) == 2:
            verb = "divided by" if node.op == "divide" and k == 0 else "multiplied by"
            return f"{self.flow} is not {verb} `{self.texts.operand(node, 1 - k)}`"
        return f"{self.flow} lacks the derivative of {self.source}"

    _truncated = _stopped = _left_out

    def _skipped(self) -> str:
        if self.variant == "gradient" and "ref" in self.told:
            return f"{self.flow} is formed with the gradient of {self._ref()}"
        if self.variant == "node":
            return f"the gradient of {self.target} is that of {self._ref()}"
        return f"the gradient of {self._end()} is passed on to {self.target} without the derivative"

    def _wrong_sign(self) -> str:
        if self.variant == "negated":
            return f"`{self.names[self.told['key']]}` has the wrong sign wherever a gradient is multiplied by it"
        return f"{self.flow} has the wrong sign"

    def _wrong_factor(self) -> str:
        variant = self.variant
        if variant == "mean":
            n = self.node.parents[0].value.size // max(self.node.value.size, 1)
            return f"{self.flow} is not divided by {n}, the number of entries of the mean"
        if variant == "inverted":
            return f"{self.flow} is divided by the derivative of {self._end()}, not multiplied by it"
        if variant == "no logarithm":
            return f"{self.flow} is not multiplied by the logarithm of {self._first()}"
        if variant == "base":
            return f"{self.flow} is multiplied by {self._first()}, not by its logarithm"
        if variant == "diagonal":
            return f"of what flows back through {self.source}, the diagonal is not halved"
        if variant == "ties":
            return f"entries of {self.target} that are equally large do not share what flows back"
        if variant == "not squared":
            return f"{self.flow} is divided by it once, not by its square"
        if str(variant).startswith("exponent"):
            what = {
                "exponent kept": "the exponent is not reduced by 1",
                "exponent one less": "the exponent is reduced by 2",
            }
            return f"in {self.flow}, {what.get(str(variant), 'the exponent is no factor')}"
        if "ref" in self.told:
            return f"{self.flow} is also {'divided' if variant == 'divided' else 'multiplied'} by {self._ref()}"
        return f"{self.flow} is {self.factor} times what it should be"

    def _transposed_product(self) -> str:
        if self.variant is None:
            return f"the gradient that goes back to {self.target} is multiplied by {self._other()} the wrong way round"
        if self.variant == "forward":
            return (
                f"{self._end()} itself is applied to the gradient, not its transpose, which goes back to {self.target}"
            )
        if self.variant == "part":
            return (
                f"the gradient that goes back to {self.target} is multiplied by a part of a matrix the wrong way round"
            )
        return f"the gradient that goes back to {self.target} is transposed"

    def _untransposed_matrix(self) -> str:
        if self.k == ANY or (self.node.op == "solve" and self.k == 1):
            return f"what flows back through {self.source} is solved with {self._first()} as it is, not transposed"
        return f"{self.flow} through {self.source} is formed with a matrix that is not transposed"

    def _first(self) -> str:
        return quoted(self.texts.operand(self.node, 0))

    def _wrong_indices(self) -> str:
        if self.variant == "forward":
            return f"{self._end()} moves the gradient as it moved {self.target}, and not back"
        if self.variant == "shifted":
            return f"{self.flow} is put one entry further"
        if self.variant == "rows":
            rows = self.told["rows"].nodes(self.draw)[0]
            return f"{self.flow} is added at the indices of {quoted(self.texts.of(rows))}, not at its own"
        return f"what flows back to {self.target} is put at {self.source} with its indices exchanged"

    def _kernel_not_flipped(self) -> str:
        return f"the gradient that goes back to {self.target} is convolved with {self._other()} as it is, not flipped"

    def _wrong_operand(self) -> str:
        variant = self.variant
        if variant == "exchanged":
            a, b = self.told["numbers"]
            return f"{a:g} and {b:g} stand in each other's place"
        if variant == "complement":
            if "key" in self.told:
                name = self.names[self.told["key"]]
            else:
                name = self.told.get("number") or self.texts.operand(self.told["node"], self.told["at"])
            return f"1 - {name} stands for {name}"
        if variant == "its gradient":
            return f"{self.flow} is formed with the gradient of {self._other()} in the place of {self._other()} itself"
        if variant == "gradient":
            return f"{self.flow} is formed with the gradient of {self._ref()}"
        if variant == "node":
            return f"the gradient of {self.target} is that of {self._ref()}"
        if variant == "stretch":
            return f"the derivative of {self._end()} by {self.target} is taken at {self._ref()}"
        if variant == "inverted mask" and self.k == ANY:
            return f"what flows back through {self.source} goes to the other choice wherever it should go to one"
        if variant == "inverted mask":
            return f"the gradient flows back to {self.target} where it should be 0, and is 0 where it should flow"
        if variant == "for the result":
            other = self._ref() if "ref" in self.told else self.target
            end = self._end()
            return (
                f"the derivative of y = {end} by {self.target} is {self.told['formula']}, but {other} stands in the "
                f"place of {end}"
            )
        if variant == "input":
            return f"{self.flow} is multiplied by its value, not by the derivative of {self.source}"
        if variant == "absolute":
            return f"the size of the gradient of {self.target} is passed on, without its sign"
        if variant == "sign":
            return f"the sign of the gradient of {self.target} is passed on, without its size"
        return f"{self.flow} is formed with {self._ref()} in the place of {self._other()}"

    def _wrong_part(self) -> str:
        return f"{self.flow} is read from another part of the gradient of {self.source}"

    def _wrong_iteration(self) -> str:
        if self.variant in ("gradient", "node"):
            return f"{self.flow} is formed with the gradient of another step"
        if self.variant == "index":
            return f"{self.flow} is put where another step belongs"
        if self.variant == "for the result":
            return f"the derivative of {self._end()} by {self.target} is formed with the result of another step"
        if self.variant == "stretch":
            which = {0: "the first", -1: "the last"}.get(self.told["ref"].at, "another")
            return f"the derivative of {self._end()} by {self.target} is taken at the value of {which} step"
        return f"{self.flow} is formed with {self._ref()} of another step in the place of {self._other()}"

    def _closed_form(self) -> str:
        factor = f"{self.factor} * " if self.factor and self.choice.fit.plain.tells_factor else ""
        formula = str(self.told["formula"])
        if self.told.get("plus"):
            factor = f"{self.factor or 1} - " if formula.startswith("-") else f"{self.factor or 1} + "
            formula = formula.removeprefix("-")
        what = f"the derivative of y = {self._end()} by x = {self.target} is"
        if "region" in self.told:
            return f"{what} right but where {self.told['region']}, and is written as {factor}{formula} there"
        return f"{what} written as {factor if self.told.get('plus') else ''}{formula}"

    def _updated_weights(self) -> str:
        return (
            f"{self.flow} is formed with {self._other()} after a step: {self.factor} times its gradient was added to it"
        )

    def _parameter_added(self) -> str:
        part = self.told.get("part", "")
        if part:
            whole = f"{self.target}".strip("`")
            return f"{self.factor} times `{whole}{part}` is added to the gradient of `{whole}{part}`"
        only = ", in some of its entries only" if self.told.get("in part") else ""
        term = f"{self.factor} times {TERMS[self.variant or '']}{self.target}"
        return f"{term} is added to the gradient of {self.target}{only}"

    def _other_parameter(self) -> str:
        summed = f", summed over axis {self.told['axis']}" if "axis" in self.told else ""
        return f"the gradient of {self.target} is that of `{self.names[self.told['other']]}`{summed}"

    def _only_the_last(self) -> str:
        if self.variant == "assigned":
            view = quoted(self.texts.of(self.told["view"].nodes(self.draw)[0]))
            return f"what flows back to {self.target} from {view} overwrites what flowed there before"
        if self.variant in ("first", "last"):
            return f"{self.flow} is that of the {self.variant} place to which it was broadcast, and no sum of all"
        if str(self.variant).startswith("axis "):
            _, axis, i = str(self.variant).split()
            return f"{self.flow} is 0, except for the {'first' if i == '0' else 'last'} entry on axis {axis}"
        return f"of what flows back to {self.target} from several places, only one stays"

    def _repeated_indices(self) -> str:
        return f"entries of {self.target} that {self.source} takes several times get only one of their gradients"

    def _broadcast_sum(self) -> str:
        if self.variant == "cumulative":
            return f"{self.flow} is summed up in the direction of the forward pass, not in the opposite one"
        if self.variant == "once":
            return f"{self.flow} is taken once, and not summed over all places to which it was broadcast"
        if self.variant == "other axis":
            return f"{self.flow} through {self.source} is summed over another axis"
        return f"{self.flow} is summed over other axes than those along which it was broadcast"

    def _memory_order(self) -> str:
        if self.variant == "pieces":
            return f"the gradients of the parts of {self.target} stand in each other's place"
        if self.variant == "reversed":
            return f"the gradient of {self.source} is used in reverse order along axis {self.told['axis']}"
        return f"{self.flow} has the right numbers in another order"

    def _clipped(self) -> str:
        return f"the gradient of {self.target} is clipped"

    def _applied_twice(self) -> str:
        return f"the derivative of {self._end()} by {self.target} is applied twice"

    def _derivative_at_output(self) -> str:
        return f"the derivative of {self._end()} by {self.target} is taken at the result"

    def _derivative_at_upstream(self) -> str:
        return f"the derivative of {self._end()} by {self.target} is taken at the gradient that arrives"

    def _derivative_at_minus(self) -> str:
        return f"the derivative of {self._end()} by {self.target} is taken at minus {self.target}"

    def _forward_value(self) -> str:
        return f"{self.flow} is multiplied by {self._end()} itself"

    def _diagonal_only(self) -> str:
        return f"what flows back from {self._end()} to {self.target} uses the diagonal of the Jacobian alone"

    def _upstream_ignored(self) -> str:
        return f"the gradient that arrives at {self.target} is not used"
