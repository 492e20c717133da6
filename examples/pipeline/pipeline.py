"""A pipeline like that of an application: decode a JPEG, resize it, infer, take the best class; again and again.

    python3 examples/pipeline/pipeline.py [NETWORK.onnx]

The network takes one picture. Without an argument it is the SqueezeNet 1.1 that colocate includes.
"""

import io
import os
import sys

import numpy as np
import onnxruntime
from PIL import Image

from colocate import marks  # or a copy of colocate/marks.py beside this file


def photograph() -> bytes:
    """Return a JPEG of 1280 x 720 pixels, in place of a camera's."""
    grain = [Image.effect_noise((160, 90), 120).resize((1280, 720)) for _ in "RGB"]
    encoded = io.BytesIO()
    Image.merge("RGB", grain).save(encoded, "JPEG")
    return encoded.getvalue()


def network() -> str:
    """Return the path of the network's file."""
    if len(sys.argv) > 1:
        return sys.argv[1]
    from colocate.inference.networks.catalogue import resolve

    return str(resolve("squeezenet1_1", batch=1).path)


def main() -> None:
    """Infer until a signal ends the process."""
    options = onnxruntime.SessionOptions()
    # By default ONNX Runtime starts a thread for each core of the machine, even for those that it may not use.
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(network(), options, providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()
    height, width = wanted.shape[2:]
    jpeg = photograph()
    while True:
        with marks.inference():
            picture = Image.open(io.BytesIO(jpeg)).resize((width, height))
            pixels = np.asarray(picture, np.float32).transpose(2, 0, 1)[np.newaxis] / 255
            (scores,) = session.run(None, {wanted.name: pixels})
            int(np.argmax(scores))


if __name__ == "__main__":
    main()
