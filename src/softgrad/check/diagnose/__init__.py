"""Which gradients are wrong, and why.

    wrong_gradients.py  which are wrong: at the inputs given, or at others like them
    explain.py          the door to all that follows: explains the wrong gradients
    line_search.py      which wrong line of a known backward pass gives the user's numbers
    candidates.py       the wrong lines that are tried: those of the catalogue, and all edits of a line
    naming.py           what an edit is called
    several_lines.py    two mistakes at once
    story.py            the line and the name as one story, with the statement mended
    whole_gradient.py   gradients that are 0, exchanged, or times a constant
    wording.py          a mistake in words, and the line to write instead
    shapes.py           gradients of the wrong shape
    symmetric.py        gradients that are right for symmetric changes of a symmetric input
    traced.py           a change of the right backward pass of any function, by trace/ and mutate/
    ignored_numbers.py  gradients that are right for another value of a number among the inputs
    wrong_line.py       the line of the backward pass where it goes wrong, by locate/
    belief.py           whether the gradients of a trace can be believed
    unexplained.py      what is known where no line explains the numbers
    patterns.py         how a wrong gradient differs from the right one
    other_inputs.py     other inputs at which a wrong gradient is right, or a right one wrong
    other_lengths.py    other lengths of an axis, at which a gradient is wrong
    shared_axis.py      the arrays that share an axis, and what forward does with other entries on it
    samples_axis.py     whether an axis has the samples, or is a width of the layer
    written_width.py    what is said of a width of the layer that is written out
    held_lengths.py     numbers outside of a backward pass that may stand for the length of an axis
    held_samples.py     numbers of rows that cannot be tried, since forward holds the labels
    hard_coded_size.py  what is said of a length that is hard-coded

In: samples, judgements, and the right backward pass if there is one. Out: mistakes and facts.
"""
