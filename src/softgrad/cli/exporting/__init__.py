"""Models as ONNX: the network with its preprocessing, as one graph.

graph.py: a graph under construction. columns.py: the columns of a table. dates.py: dates that are written as text.
network.py: the layers and the answers. onnx_model.py: the whole model.

Only the operators that ONNX Runtime has on every processor are used.
"""
