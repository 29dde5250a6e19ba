#!/bin/sh
# Runs the package's tests by a Python that has NumPy, Debian's first; 77 (skipped) where none has.
cd "$(dirname "$0")" || exit 1
for python in /usr/bin/python3 python3; do
  "$python" -c 'import numpy' 2>/dev/null && exec "$python" -B -m unittest test_tessera
done
echo "python3 with NumPy is not installed"
exit 77
