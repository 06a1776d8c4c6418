#!/usr/bin/env bash
# Copier 9.19.0: it starts git once for each file that it writes, to ask for the same setting each time.
#
# Copier keeps the executable bit of files where git ignores it (core.fileMode=false, as on Windows). One would guess that
# it asks git for this setting once for a project, since it is a setting of a repository. It asks anew for each file, so
# the number of processes grows with the template: 100 files more are 100 processes more, in an update three times as many,
# because an update renders the project three times.
#
# Needs git. Ends with 0 while Copier behaves like that, and with 1 when it no longer does.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet --disable-pip-version-check copier==9.19.0

# A program called git that notes each call, and does what git does.
git=$(command -v git)
mkdir "$folder/counting"
cat > "$folder/counting/git" <<END
#!/bin/sh
echo "\$*" >> "$folder/calls"
exec "$git" "\$@"
END
chmod +x "$folder/counting/git"

# Prints how often a copy of a template with this many files asks git for core.fileMode.
calls_for() {
    local template=$folder/template-$1 project=$folder/project-$1
    mkdir -p "$template" "$project"
    for ((number = 1; number <= $1; number++)); do echo text > "$template/file$number"; done
    "$git" init --quiet "$project"
    : > "$folder/calls"
    PATH=$folder/counting:$PATH "$folder/environment/bin/copier" copy --quiet "$template" "$project"
    grep --count core.fileMode "$folder/calls" || :
}

few=$(calls_for 10)
many=$(calls_for 110)
echo "calls of git for core.fileMode: $few with 10 files, $many with 110 files"
# Seen: calls of git for core.fileMode: 10 with 10 files, 110 with 110 files

[[ $few == 10 ]]
[[ $many == 110 ]]
