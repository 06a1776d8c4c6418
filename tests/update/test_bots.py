"""The files of update_bot are valid, and the workflow opens pull requests."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..harness import projects
from ..harness.commands import Command, git, run
from .flips import NAMES
from .updating import commit, first_release, release_next

WORKFLOW = Path(".github") / "workflows" / "template.yml"

# A stand-in for GitHub's command line program, which records its calls.
GH = """\
#!/usr/bin/env bash
printf '%s\\n' "$@" "" >> "$GH_LOG"
case "$1 $2" in
    "pr list") cat "$GH_REQUESTS" ;;
    "pr create") [ ! -e "$GH_FORBIDS" ] && echo 1 > "$GH_REQUESTS" ;;
esac
"""


CHECKS: dict[str, list[Command]] = {
    "renovate": [["check-jsonschema", "--builtin-schema=vendor.renovate", "renovate.json"]],
    "github": [
        ["check-jsonschema", "--builtin-schema=vendor.github-workflows", WORKFLOW],
        ["zizmor", "--offline", "--no-progress", "--persona=pedantic", "--min-severity=low", WORKFLOW],
    ],
}


OTHER = ".other-answers.yml"


@pytest.mark.parametrize("name", [".copier-answers.yml", OTHER, "answers of 'the' \"site\".yml"])
@pytest.mark.parametrize("bot", CHECKS)
def test_the_files_of_a_bot_are_valid(template: Path, tmp_path: Path, bot: str, name: str) -> None:
    """They name the answers file, because a repository may have several templates."""
    answers = NAMES | {"update_bot": bot}
    project = projects.render(template, tmp_path / "project", answers, answers_file=name)

    for command in CHECKS[bot]:
        run(command, project)
    if bot == "renovate":
        named = json.loads((project / "renovate.json").read_text())["copier"]["managerFilePatterns"]
    else:
        named = [yaml.safe_load((project / WORKFLOW).read_text())["env"]["ANSWERS_FILE"]]
    assert named == [name]


def test_the_commands_of_the_readme_name_the_answers_file(template: Path, tmp_path: Path) -> None:
    usual = projects.render(template, tmp_path / "usual", NAMES)
    other = projects.render(template, tmp_path / "other", NAMES, answers_file=OTHER)

    assert "--answers-file" not in (usual / "README.md").read_text()
    readme = (other / "README.md").read_text()
    assert ".copier-answers.yml" not in readme
    assert re.findall(r"uvx copier update(.{35})", readme) == [f" --answers-file {OTHER} "] * 3


class Runner:
    """Runs the steps of the workflow in a clone of a project, like GitHub's runners."""

    def __init__(self, folder: Path, origin: Path) -> None:
        self.folder = folder
        self.origin = origin
        self.log = folder / "gh.log"
        self.requests = folder / "requests"
        self.forbids = folder / "forbids"
        gh = folder / "bin" / "gh"
        gh.parent.mkdir(parents=True)
        gh.write_text(GH)
        gh.chmod(0o755)
        self.requests.touch()

    def run_workflow(self, name: str, *, fails: bool = False) -> str:
        """Run every step in a new clone, and return the output. fails: whether the last step must fail."""
        clone, temporary = self.folder / name, self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        git(self.folder, "clone", "--quiet", str(self.origin), str(clone))
        added = temporary / "path"
        added.write_text("")
        workflow: dict[str, Any] = yaml.safe_load((clone / WORKFLOW).read_text())
        printed = ""
        for step in workflow["jobs"]["update"]["steps"]:
            if "run" in step:
                path = [*reversed(added.read_text().split()), str(self.folder / "bin"), os.environ["PATH"]]
                variables = workflow["env"] | {
                    "GH_FORBIDS": str(self.forbids),
                    "GH_LOG": str(self.log),
                    "GH_REQUESTS": str(self.requests),
                    "GITHUB_PATH": str(added),
                    "PATH": ":".join(path),
                    "RUNNER_TEMP": str(temporary),
                }
                shell = ["bash", "--noprofile", "--norc", "-e", "-c", step["run"]]
                last = step is workflow["jobs"]["update"]["steps"][-1]
                printed += run(shell, clone, variables, fails=fails and last)
        return printed

    def asked(self) -> str:
        """Return the recorded calls of gh since the last time."""
        asked = self.log.read_text()
        self.log.unlink()
        return asked


@pytest.mark.slow
def test_the_workflow_opens_a_pull_request_for_each_release(tmp_path: Path) -> None:
    template = first_release(tmp_path / "template")
    project = projects.render(template, tmp_path / "project", NAMES | {"update_bot": "github"})
    run([projects.UV, "lock", "--quiet"], project)
    commit(project, "Start")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(project), str(origin))
    runner = Runner(tmp_path / "runner", origin)

    assert "The project has the newest release, 1.0.0." in runner.run_workflow("before")
    assert "create" not in runner.asked().split()

    release_next(template)
    runner.forbids.touch()
    runner.run_workflow("forbidden", fails=True)
    runner.forbids.unlink()
    runner.asked()
    runner.run_workflow("allowed")
    title = "Update from the template to 1.1.0"
    assert f"create\n--head\ntemplate-1.1.0\n--title\n{title}\n--body\n\n" in runner.asked()
    assert git(origin, "log", "--format=%s", "-1", "template-1.1.0") == f"{title}\n"
    assert "Europe/Rome" in git(origin, "show", "template-1.1.0:my_site/settings/base.py")
    assert 'specifier = ">=15.2,<17"' in git(origin, "show", "template-1.1.0:uv.lock")

    assert "There is a pull request from template-1.1.0 already." in runner.run_workflow("again")
    assert "create" not in runner.asked().split()

    (project / "my_site" / "settings" / "base.py").write_text("TIME_ZONE = 'Europe/Vienna'\n")
    (project / "pyproject.toml").write_text("# nothing but this\n")
    commit(project, "Our own settings")
    git(project, "push", "--quiet", str(origin), "HEAD")
    git(origin, "branch", "--delete", "--force", "template-1.1.0")
    runner.requests.write_text("")
    assert "uv.lock was not updated" in runner.run_workflow("conflict")
    assert "--body\nResolve the conflicts in: my_site/settings/base.py\npyproject.toml\n" in runner.asked()


@pytest.mark.slow
def test_the_workflow_updates_the_template_of_its_own_answers_file(tmp_path: Path) -> None:
    template = first_release(tmp_path / "template")
    project = projects.render(template, tmp_path / "project", NAMES | {"update_bot": "github"}, answers_file=OTHER)
    # Another template of the same repository, which cannot be reached.
    (project / ".copier-answers.yml").write_text("_commit: 7.0.0\n_src_path: https://example.invalid/other.git\n")
    commit(project, "Start")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(project), str(origin))
    runner = Runner(tmp_path / "runner", origin)

    assert "The project has the newest release, 1.0.0." in runner.run_workflow("before")
    release_next(template)
    runner.run_workflow("after")

    assert "create\n--head\ntemplate-1.1.0\n" in runner.asked()
    assert "Europe/Rome" in git(origin, "show", "template-1.1.0:my_site/settings/base.py")
    changed = git(origin, "diff", "--name-only", "HEAD", "template-1.1.0").split()
    assert OTHER in changed
    assert ".copier-answers.yml" not in changed
