"""ONNX files: their layers, how runtimes fuse these, and subgraphs that are cut out of them."""
