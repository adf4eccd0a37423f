# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The interactive page, a marimo app: sliders and pictures that stay in sight, and the explanation below.

`softgrad explore` runs it. All numbers come from `sg.explain`.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="softgrad: softmax and its gradient", width="full")


@app.cell
def _imports():
    import marimo as mo

    import softgrad as sg
    from softgrad.explanation.render.html import as_html_pictures
    from softgrad.formulas.losses import LOSSES

    return LOSSES, as_html_pictures, mo, sg


@app.cell
def _how_many(LOSSES, mo):
    classes = mo.ui.slider(2, 8, value=3, label="classes", show_value=True)
    loss = mo.ui.dropdown(
        {row.title: name for name, row in LOSSES.items() if row.is_derived},
        value="cross-entropy",
        label="loss",
    )
    layout = mo.ui.radio(["rows", "columns"], value="rows", label="layout", inline=True)
    smoothing = mo.ui.slider(0, 0.9, step=0.05, value=0, label="label smoothing", show_value=True)
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
def _explained(layout, logits, loss, sg, smoothing, target):
    explanation = sg.explain(
        logits.value, int(target.value), loss=loss.value, layout=layout.value, label_smoothing=smoothing.value
    )
    return (explanation,)


@app.cell
def _look():
    # The cell with the sliders and the pictures stays at the top of the window, and takes little more than half of it.
    LOOK = """
        @media (min-height: 30rem) {
          .marimo-cell:has(.sg-in-sight) {
            position: sticky; top: 0; z-index: 5; max-height: 55vh; overflow: auto;
            background: var(--background, Canvas); border-bottom: 1px solid var(--border, GrayText);
          }
        }
        .sg-pictures.sg-explanation { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
        .sg-pictures.sg-explanation { margin: 0; padding: 0; background: none; }
        .sg-pictures.sg-explanation table { font-size: 0.85em; }
        .sg-pictures.sg-explanation .sg-wide:has(.sg-bars) { width: 20rem; max-width: 80vw; }
        @media (min-width: 75rem) {
          .sg-in-sight { display: grid; grid-template-columns: minmax(16rem, 29rem) max-content; gap: 1.5rem; }
        }
        .sg-pictures .sg-bars td, .sg-pictures .sg-heat td { padding-top: 0.05rem; padding-bottom: 0.05rem; }
        .sg-pictures .sg-heat td { min-width: 0; }
    """
    return (LOOK,)


@app.cell
def _in_sight(LOOK, as_html_pictures, classes, explanation, layout, logits, loss, mo, smoothing, target):
    controls = mo.hstack([*logits, loss, target, smoothing, classes, layout], justify="start", gap=0.6, wrap=True)
    pictures = as_html_pictures(explanation)
    mo.Html(f"<style>{LOOK}</style><div class='sg-in-sight'><div>{controls}</div><div>{pictures}</div></div>")
    return


@app.cell
def _explanation(explanation, mo):
    mo.Html(explanation._repr_html_())
    return


if __name__ == "__main__":
    app.run()
