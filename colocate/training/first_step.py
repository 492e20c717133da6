"""Try a training before a study begins, by one step of two images: `python -m colocate.training.first_step JSON`.

If the network cannot be imported, made or trained, one line on stderr says so.
"""

from __future__ import annotations

import sys

from colocate.training.environment import prepare
from colocate.worker.answer import answer
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request, from_json

# The smallest batch on which batch normalisation can train.
IMAGES = 2


def first_step(request: Request) -> object:
    """Take one step, on a GPU if the training is for one and torch sees one, and return the facts of the trainer.

    Raises WorkerError if that fails. A missing GPU or too little memory is no failure here: the trials report it.
    """
    prepare()
    # Only now: what torch loads looks at the environment.
    try:
        import torch

        from colocate.training.trainer import Trainer, one_line
    except ImportError as error:
        raise WorkerError(f"training needs torch, and {sys.executable} says: {error}") from error
    assert request.training is not None, "this is for trainings"
    on_gpu = request.training.on_gpu and torch.cuda.is_available()
    alone = request.training._replace(ranks=1, on_gpu=on_gpu)
    try:
        trainer = Trainer(request._replace(batch=IMAGES, training=alone))
        trainer.step()
        return trainer.facts()
    except (WorkerError, MemoryError, torch.cuda.OutOfMemoryError) as error:
        if isinstance(error, WorkerError):
            raise
        return {}
    except (Exception, SystemExit) as error:
        # The user's own network may raise anything.
        raise WorkerError(f"{request.network} cannot be trained: {one_line(error)}") from error


if __name__ == "__main__":
    answer(lambda: first_step(from_json(sys.argv[1])))
