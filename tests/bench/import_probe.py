"""Run as a script: import the modules named as arguments; print what memory that took, as JSON.

``rss_mb`` is the process's resident memory afterwards; ``modules`` says by how much each module's own
code (not what it imports in turn) made it grow, in MB.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

PAGES_PER_MB = 2**20 / resource.getpagesize()


def main() -> None:
    """Import and tell."""
    own, nested = defaultdict[str, float](float), [0.0]
    loading = vars(importlib)["_bootstrap"]  # its one loading step is not public
    load = loading._load_unlocked

    def probe(spec: Any) -> Any:
        before, outer = rss_mb(), nested[0]
        nested[0] = 0.0
        try:
            return load(spec)
        finally:
            grown = rss_mb() - before
            own[spec.name] += grown - nested[0]
            nested[0] = outer + grown

    loading._load_unlocked = probe
    for module in sys.argv[1:]:
        importlib.import_module(module)
    print(json.dumps({"rss_mb": rss_mb(), "modules": own}))


def rss_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) / PAGES_PER_MB


if __name__ == "__main__":
    main()
