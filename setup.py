"""The one thing that setup.cfg has no key for: the stressors' C kernels.

They are optional: without a C compiler the rest installs, and the stressors that need them say what is missing.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "cpu_workloads._kernels",
            ["cpu_workloads/_kernels.c"],
            extra_compile_args=["-O2"],
            optional=True,
        )
    ]
)
