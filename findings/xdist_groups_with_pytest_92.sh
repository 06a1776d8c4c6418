#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: the tests of an xdist_group run in several processes, without a word.
#
# With --dist loadgroup, pytest-xdist promises that all tests with the same xdist_group mark run in one process, so that they
# can share what exists once, for example a port or a database. One would guess that a pair of versions that pip accepts
# keeps this promise, or says that it cannot. With pytest 9.1 it is kept. With pytest 9.2, the tests of a group are spread
# like all others: xdist passes the group on in Item._nodeid, a private attribute that pytest 9.2 no longer reads. Nothing
# fails or warns, except tests that happen to collide.
#
# Ends with 0 while both versions behave like that, and with 1 when they no longer do.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
cat > "$folder/test_group.py" <<'END'
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("alone")
@pytest.mark.parametrize("number", range(12))
def test_that_shares(number: int, worker_id: str) -> None:
    time.sleep(0.2)
    with Path("workers").open("a") as file:
        print(worker_id, file=file)
END

# Prints how many processes have run the twelve tests of the group.
processes() {
    "$folder/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    (
        cd "$folder"
        rm -f workers
        bin/python -m pytest --quiet --numprocesses 3 --dist loadgroup test_group.py > output
        grep --quiet "12 passed" output
        sort --unique workers | wc --lines
    )
}

before=$(processes 9.1.1)
after=$(processes 9.2.0)
echo "pytest 9.1.1: the group ran in $before process; pytest 9.2.0: in $after processes"
# Seen: pytest 9.1.1: the group ran in 1 process; pytest 9.2.0: in 3 processes

[[ $before == 1 ]]
[[ $after -gt 1 ]]
