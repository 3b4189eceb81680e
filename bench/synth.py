"""Speed, memory and shape of synthetic ads.

python bench/synth.py [ADS] [FOLDER]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from gangwei.synth import make as synth


def main() -> None:
    """Make the ads once and print one table row."""
    ads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        synth.write(Path(folder) / "warm", 1000, 1)
        begun, before = time.monotonic(), time.process_time()
        report = synth.write(Path(folder) / "run", ads, 1)
        wall, cpu = time.monotonic() - begun, time.process_time() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print("| ads | ads/s | CPU s | peak GB | bytes of text an ad |")
    print("|---:|---:|---:|---:|---:|")
    print(f"| {ads:,} | {ads / wall:,.0f} | {cpu:.1f} | {peak:.2f} | {report.text_bytes / ads:,.0f} |")


if __name__ == "__main__":
    main()
