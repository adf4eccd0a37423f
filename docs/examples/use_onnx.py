import csv

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("flowers.onnx")
with open("new-flowers.csv") as file:
    rows = list(csv.DictReader(file))
names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
x = np.array([[float(row[name]) for name in names] for row in rows])
labels, probabilities = session.run(None, {"X": x})
for label, probs in zip(labels, probabilities):
    print(label, probs.round(2))
