# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The interactive page, a marimo app: sliders for the logits, menus for target and loss, and the explanation below.

`softgrad explore` runs it. All numbers come from `sg.explain`.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="softgrad: softmax and its gradient", width="medium")


@app.cell
def _imports():
    import marimo as mo

    import softgrad as sg
    from softgrad.formulas.losses import LOSSES

    return LOSSES, mo, sg


@app.cell
def _how_many(LOSSES, mo):
    classes = mo.ui.slider(2, 8, value=3, label="classes", show_value=True)
    loss = mo.ui.dropdown(
        {row.title: name for name, row in LOSSES.items() if row.is_derived},
        value="cross-entropy",
        label="loss",
    )
    layout = mo.ui.radio(["rows", "columns"], value="rows", label="layout", inline=True)
    smoothing = mo.ui.slider(
        0, 0.9, step=0.05, value=0, label="fraction of the target spread over all classes", show_value=True
    )
    return classes, layout, loss, smoothing


@app.cell
def _sliders(classes, mo):
    first = [2.0, 1.0, 0.1]
    logits = mo.ui.array(
        [
            mo.ui.slider(-6, 6, step=0.1, value=first[i] if i < len(first) else 0.0, label=f"z_{i}", show_value=True)
            for i in range(classes.value)
        ]
    )
    target = mo.ui.dropdown([str(i) for i in range(classes.value)], value="0", label="target class")
    return logits, target


@app.cell
def _controls(classes, layout, logits, loss, mo, smoothing, target):
    mo.vstack(
        [
            mo.hstack([classes, loss, target], justify="start", wrap=True),
            mo.hstack([smoothing, layout], justify="start", wrap=True),
            mo.hstack(list(logits), justify="start", wrap=True),
        ]
    )
    return


@app.cell
def _explanation(layout, logits, loss, mo, sg, smoothing, target):
    label = int(target.value)
    K = len(logits.value)
    distribution = [(1 - smoothing.value) * (i == label) + smoothing.value / K for i in range(K)]
    explanation = sg.explain(
        logits.value, distribution if smoothing.value else label, loss=loss.value, layout=layout.value
    )
    mo.Html(explanation._repr_html_())
    return


if __name__ == "__main__":
    app.run()
