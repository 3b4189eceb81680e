"""A way to compile functions that only read and write arrays which their caller made.

They count no references to their arguments: one atomic addition for each array and call, which is much where a title of ten
characters is passed through twenty calls. Such a function makes no array of its own and returns numbers alone.

The option is the compiler's own and not promised to stay; without it the same functions count references again.
"""

from __future__ import annotations

from numba import njit
from numba.core.cpu import CPUTargetOptions

UNCOUNTED = {"_nrt": False} if hasattr(CPUTargetOptions, "_nrt") else {}
lean = njit(nogil=True, cache=True, **UNCOUNTED)
lean_inline = njit(nogil=True, forceinline=True, **UNCOUNTED)
