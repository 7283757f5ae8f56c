"""One command from a fresh clone to a running nurture: `python3 run.py demo`, `test`, or `nurture ARGS…`.

Needs nothing but Python 3.11 or newer. Makes `.venv`, installs exactly what the hash locks name, and runs. It installs
nothing outside `.venv`, except Debian's own venv module when that is missing and we are root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
RUN_LOCK, TEST_LOCK = ROOT / "requirements.lock", ROOT / "requirements-test.lock"
# What a build of the wheel needs: kept apart, so that nothing of nurture can come to rely on it.
MAIL_LOCK = ROOT / "requirements-mail.lock"  # what the image has beside the first: it signs mail
BUILD_LOCK, BUILD_TOOLS = ROOT / "requirements-build.lock", VENV / "build"
BUILD_HOOK = ROOT / "hatch_build.py"
COMPOSE_FILE = ("--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
USAGE = "usage: python3 run.py demo | test [PYTEST ARGS…] | nurture ARGS…"


def main(arguments: list[str]) -> int:
    word, *rest = arguments or ["--help"]
    if word == "test":
        install(TEST_LOCK)
        return check_everything(rest)
    if word in ("demo", "nurture"):
        install(RUN_LOCK)
        become_nurture(rest if word == "nurture" else arguments)
    print(USAGE, file=sys.stderr)
    return 0 if word in ("-h", "--help") else 2


def become_nurture(arguments: list[str]) -> NoReturn:
    """Replace this process, so that signals and the exit code are those of `nurture ARGUMENTS…`."""
    os.execv(PYTHON, [str(PYTHON), "-m", "nurture", *arguments])


def check_everything(pytest_arguments: list[str]) -> int:
    """Lint, types, floors, containers, locks and tests: all of them, even after one failed. 0 when all passed."""
    python = [str(PYTHON), "-m"]
    checks = {
        "lint": [*python, "ruff", "check", "."],
        "format": [*python, "ruff", "format", "--check", "."],
        "types": [*python, "mypy"],
        "floors": [program("lint-imports"), "--no-logo"],
        "compose file": [program("check-jsonschema"), *COMPOSE_FILE],
        "image": [program("hadolint"), "Dockerfile"],
        "tests": [*python, "pytest", "-n", "2", *pytest_arguments],
    }
    passed = {
        "locks": all("://" not in lock.read_text() for lock in (RUN_LOCK, TEST_LOCK, MAIL_LOCK, BUILD_LOCK))
    }
    for name, command in checks.items():
        print(f"── {name}: {' '.join(command[1:])}", flush=True)
        passed[name] = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    print("── " + ", ".join(f"{name} {'passed' if ok else 'FAILED'}" for name, ok in passed.items()))
    return 0 if all(passed.values()) else 1


def install(lock: Path) -> None:
    """Make `.venv` hold what `lock` names, and this project; at once when it already does."""
    wanted = fingerprint(lock)
    # The test lock holds all of the other and more, so that `demo` after `test` installs nothing.
    if STAMP.exists() and STAMP.read_text() in (wanted, fingerprint(TEST_LOCK)):
        return
    uv = shutil.which("uv")
    if not PYTHON.exists():
        make_venv(uv)
    say(f"installing from {lock.name} (once, about half a minute)")
    add(uv, lock)
    bring_htmx(uv)
    link_project()
    STAMP.write_text(wanted)


def program(name: str) -> str:
    return str(VENV / "bin" / name)


def add(uv: str | None, lock: Path, *more: str) -> None:
    """Install exactly what ``lock`` names."""
    options = ["install", "--quiet", "--require-hashes", "-r", str(lock), *more]
    if not by_uv(uv, "pip", *options, "--compile-bytecode", "--python", str(PYTHON)):
        subprocess.run([str(PYTHON), "-m", "pip", *options, "--disable-pip-version-check"], check=True)


def bring_htmx(uv: str | None) -> None:
    """Do for this checkout what building a wheel does: see hatch_build.py."""
    shutil.rmtree(BUILD_TOOLS, ignore_errors=True)
    add(uv, BUILD_LOCK, "--no-deps", "--target", str(BUILD_TOOLS))
    subprocess.run(
        [str(PYTHON), str(BUILD_HOOK)], check=True, env={**os.environ, "PYTHONPATH": str(BUILD_TOOLS)}
    )


def link_project() -> None:
    """Put this checkout itself into `.venv`: its code on the path, its command in `bin`. No build, no download."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([str(PYTHON), "-c", ask], check=True, capture_output=True, text=True).stdout
    (Path(packages.strip()) / "nurture-checkout.pth").write_text(f"{ROOT / 'src'}\n")
    command = VENV / "bin" / "nurture"
    command.write_text(f'#!/bin/sh\nexec "{PYTHON}" -m nurture "$@"\n')
    command.chmod(0o755)


def make_venv(uv: str | None) -> None:
    # uv goes on where Debian's python3 lacks ensurepip; `--seed` keeps pip there for the day without uv.
    make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if by_uv(uv, "venv", "--quiet", "--seed", "--clear", str(VENV)) or ran(*make):
        return
    shutil.rmtree(VENV, ignore_errors=True)  # half made: the next run must not take it for whole
    need = "apt-get install --yes python3-venv"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SystemExit(f"Python's venv module is missing here. On Debian or Ubuntu type:  sudo {need}")
    say("Python's venv module is missing; as root, installing Debian's")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get update --quiet=2", f"{need} --quiet=2 --no-install-recommends"):
        subprocess.run(
            command.split(), check=True, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    subprocess.run(make, check=True)


def by_uv(uv: str | None, *command: str) -> bool:
    """Whether uv did it. Where it is there and cannot, its errors stand above: say that they are not the end."""
    if uv is None or ran(uv, *command):
        return uv is not None
    say("uv could not do that; going on with Python's own venv and pip")
    return False


def ran(*command: str) -> bool:
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0


def fingerprint(lock: Path) -> str:
    """Changes when the lock, the project's own metadata, this script, the Python or the place of the checkout does."""
    files = [lock, BUILD_LOCK, BUILD_HOOK, ROOT / "pyproject.toml", Path(__file__)]
    parts = [file.read_bytes() for file in files]
    parts += [sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def say(text: str) -> None:
    print(f"run.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  — said in words to whoever has an older one
        raise SystemExit("nurture needs Python 3.11 or newer; this is " + sys.version.split()[0])
    try:
        raise SystemExit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failure:
        raise SystemExit(f"run.py: `{' '.join(failure.cmd)}` failed ({failure.returncode})") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
