"""Prints what the checkers say of the unseen cases: python -m check.unseen, in tests/."""

import inspect
import warnings

import softgrad as sg
from check.corpus.case import Case
from check.corpus.peers import CHECKERS, ask
from check.unseen import CASES

CHECKS = {"vjp": sg.check_vjp, "grad": sg.check_grad}


def judged(case):
    """The report, and how many lines the line that it points at is away from the wrong one; None without a line."""
    (function, derivative, inputs, options), module = case.make()
    report = CHECKS[case.kind](function, derivative, *inputs, **options)
    lines = [text.strip() for text in inspect.getsource(module).splitlines()]
    at = [i + 1 for i, text in enumerate(lines) if text == case.line]
    found = report.backward_line
    return report, min((abs(i - found.number) for i in at), default=None) if found else None


def as_corpus(case):
    """The case as the comparison with other checkers takes it."""
    (function, derivative, inputs, options), _ = case.make()
    return Case(case.id, "unseen", case.kind, lambda rng: (function, derivative, inputs), case.cause, options=options)


def main():
    wrong = [case for case in CASES if case.is_wrong]
    right = [case for case in CASES if not case.is_wrong]
    reports = {case.id: judged(case) for case in CASES}
    for case in wrong:
        report, away = reports[case.id]
        name = report.mistake.name if report.mistake else "no name"
        print(f"{case.id}: {name}; {'no line' if away is None else f'{away} lines away'}; {case.cause}")
    away = [reports[case.id][1] for case in wrong]
    named = [case for case in wrong if (m := reports[case.id][0].mistake) and m.name in case.names]
    print()
    print("| checker | detected, of 30 | line exact, or beside | named truly | flagged, of 12 right |")
    print("| --- | --- | --- | --- | --- |")
    detected = sum(reports[case.id][0].ok is False for case in wrong)
    flagged = sum(reports[case.id][0].ok is not True for case in right)
    print(
        f"| softgrad | {detected} | {away.count(0)}, or {sum(d in (0, 1) for d in away)} | {len(named)} | {flagged} |"
    )
    for name in CHECKERS:
        if name == "softgrad":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = {case.id: ask(name, as_corpus(case)).detected for case in CASES}
        print(f"| {name} | {sum(found[case.id] for case in wrong)} | 0 | 0 | {sum(found[case.id] for case in right)} |")


if __name__ == "__main__":
    main()
