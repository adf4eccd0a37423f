import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("flowers.onnx")
x = np.loadtxt("new-flowers.csv", delimiter=",", skiprows=1, usecols=range(1, 5))
labels, probabilities = session.run(None, {"X": x})
for label, row in zip(labels, probabilities, strict=True):
    print(label, row.round(2))
