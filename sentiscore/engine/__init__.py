"""Token ids -> logits.

torch is imported here, before any module of this package needs it, with Python's garbage collector paused: it would
scan half a million permanent objects over and over. They are then moved to the oldest generation without a scan.
"""

import gc

__all__ = ["torch"]

_collects = gc.isenabled()
gc.disable()
try:
    import torch
finally:
    if _collects:
        if gc.get_freeze_count() == 0:  # no one else has frozen objects, which must stay frozen
            gc.freeze()
            gc.unfreeze()  # moves them into the oldest generation
        gc.enable()
