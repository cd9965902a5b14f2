import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentiscore.engine import memory


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "7")
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "")  # so that it is put back
    del os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]
    memory.keep_few_kernels()
    assert os.environ["LRU_CACHE_CAPACITY"] == "7"
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "32"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says how much memory is held")
def test_freed_memory_goes_back_where_the_c_library_would_keep_it() -> None:
    code = """
import threading
from pathlib import Path
from sentiscore.engine.memory import give_back

def held():
    return int(Path("/proc/self/statm").read_text().split()[1])

def fill():
    kept.append(bytearray(64_000))
    for _ in range(2000):
        blocks.append(bytearray(64_000))
    kept.append(bytearray(64_000))

kept, blocks = [], []
thread = threading.Thread(target=fill)
thread.start()
thread.join()
full = held()
blocks.clear()
freed = held()
give_back()
print(full, freed, held())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    full, freed, back = map(int, done.stdout.split())
    assert back <= freed <= full
    assert full - back > 0.9 * 2000 * 64_000 / os.sysconf("SC_PAGE_SIZE")  # whatever the libraries themselves hold
