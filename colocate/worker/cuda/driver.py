"""The NVIDIA driver's own library (libcuda, the CUDA driver API) through ctypes.

It exists wherever a GPU can be used, and nothing has to be compiled against CUDA's headers.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from colocate.worker.cuda.explanations import explained
from colocate.worker.errors import WorkerError
from colocate.worker.older import without_suffix


class Driver:
    """The library. Each of its functions returns 0 or an error code, which becomes a WorkerError."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise WorkerError(explained(str(error))) from error

    def has(self, name: str) -> bool:
        """Whether this driver is new enough to have the function `name`."""
        return hasattr(self._library, name)

    def call(self, name: str, *arguments: Any) -> None:
        """Call the function. A plain Python integer is passed as a 32-bit integer."""
        self.bound(name, *arguments)()

    def bound(self, name: str, *arguments: Any) -> "Callable[[], None]":
        """Return a function that makes this call with these arguments, as often as it is called."""
        function = getattr(self._library, name)

        def call() -> None:
            code = function(*arguments)
            if code:
                raise self._error(name, code)

        return call

    def _error(self, name: str, code: int) -> WorkerError:
        """Return the error with the same words that pycuda uses for it."""
        text = ctypes.c_char_p()
        self._library.cuGetErrorString(code, ctypes.byref(text))
        said = (text.value or b"unknown error %d" % code).decode()
        return WorkerError(explained(f"{without_suffix(name, '_v2')} failed: {said}"))
