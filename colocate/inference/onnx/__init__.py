"""What is in an ONNX file: layers, what a runtime fuses of them, and what is cut out of it."""
