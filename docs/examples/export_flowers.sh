softgrad export softgrad-runs/flowers flowers.onnx
