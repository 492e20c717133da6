"""The built-in networks: Caffe's topologies as ONNX graphs, and the random weights that fill them.

A network is one function `(batch) -> Skeleton` and one line in `TOPOLOGIES`.
"""

from __future__ import annotations

# Name -> function, in the order of the founding study. Lazy: no import of onnx before it is wanted.
TOPOLOGIES = {
    "alexnet": "colocate.inference.topologies.alexnet:alexnet",
    "googlenet": "colocate.inference.topologies.googlenet:googlenet",
    "resnet152": "colocate.inference.topologies.resnet:resnet152",
}
