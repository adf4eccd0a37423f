"""What a check found, and how it is shown.

    findings.py   collects mistakes and facts while a check runs
    mistake.py    a mistake, a place in a gradient, a curve of errors: plain data
    source.py     a line of the user's source
    summary.py    what there is to show: headline, place, mistake, remarks, facts, footer
    text.py       the summary as text, in colour on a terminal
    html.py       the summary as HTML, for a notebook or as a page; report.css is its style sheet
    lines.py      the user's line and the line to write, with the tokens that differ marked
    pictures.py   what the page draws: plain data. heat_map.py and step_plot.py draw it
    plot.py       the error against the step size
    report.py     Report, which the user gets

In: mistakes, facts, errors. Out: a Report, as text, HTML, JSON or a plot.
"""
