"""The built-in networks: Caffe's topologies as ONNX graphs, filled with random weights.

A network is one function `(batch) -> Skeleton` and one line in `TOPOLOGIES`.
"""

from __future__ import annotations

# Name -> function; the founding study's three come first. Lazy: onnx is not imported before it is needed.
TOPOLOGIES = {
    "alexnet": "colocate.inference.networks.topologies.alexnet:alexnet",
    "googlenet": "colocate.inference.networks.topologies.googlenet:googlenet",
    "resnet152": "colocate.inference.networks.topologies.resnet:resnet152",
    "squeezenet1_0": "colocate.inference.networks.topologies.squeezenet:squeezenet1_0",
    "squeezenet1_1": "colocate.inference.networks.topologies.squeezenet:squeezenet1_1",
    "resnet50": "colocate.inference.networks.topologies.resnet:resnet50",
    "vgg16": "colocate.inference.networks.topologies.vgg:vgg16",
}
