"""Token ids -> logits.

torch is imported here, before any module of this package needs it, and Python's collector rests meanwhile: it would
look again and again through half a million objects that come to stay. Then they count as old without a look at them.
"""

import gc

__all__ = ["torch"]

_collects = gc.isenabled()
gc.disable()
try:
    import torch
finally:
    if _collects:
        if gc.get_freeze_count() == 0:  # nobody else's are frozen, which must stay so
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
        gc.enable()
