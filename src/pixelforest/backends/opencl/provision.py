"""Make OpenCL runtimes visible that pip installed: pip leaves Intel's ICD file with a placeholder path.

Loaders read the environment once, at the first platform query of the process, so this has to run before it.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_PACKAGES = ("intel-opencl-rt", "intel-cmplr-lib-rt", "tbb")
_RUNTIME = "libintelocl.so"
# Loaded in this order, because later libraries need symbols of earlier ones and no rpath leads to them.
_DEPENDENCIES = ("libimf.so", "libirng.so", "libintlc.so.5", "libsvml.so", "libtbbmalloc.so.2", "libtbb.so.12")
# The name tells our folder from a user's, also in a child whose cache was emptied since.
_FOLDER_PREFIX = "pixelforest-icd-"


@dataclass(frozen=True)
class Provision:
    """What was done before the first platform query.

    Attributes
    ----------
    runtime : pathlib.Path or None
        The pip-installed runtime that was made visible.
    icd_folder : pathlib.Path or None
        The folder that the loader was pointed at; None where the loader's own default holds.
    user_choice : str or None
        The user's own ``OCL_ICD_VENDORS``, which was left alone.
    problems : tuple of str
        Sentences about what failed; nothing here is fatal.
    was_late : bool
        `pyopencl` was imported before, so platforms may have been listed already.
    """

    runtime: Path | None = None
    icd_folder: Path | None = None
    user_choice: str | None = None
    problems: tuple[str, ...] = ()
    was_late: bool = False


_lock = threading.Lock()
_provision: Provision | None = None


def make_runtimes_visible() -> Provision:
    """Point the OpenCL loader at every runtime there is, once per process.

    Returns
    -------
    Provision
        What was found and done, the same object at every call.
    """
    global _provision  # noqa: PLW0603 the environment is changed once per process, and so is this
    with _lock:
        if _provision is None:
            _ensure_caches()
            _provision = _provide_windows() if sys.platform == "win32" else _provide_linux()
        return _provision


def cache_folder() -> Path:
    """Return the folder for this package's cache files; it need not exist.

    Returns
    -------
    pathlib.Path
        ``$XDG_CACHE_HOME/pixelforest`` or ``~/.cache/pixelforest``.
    """
    return _user_cache() / "pixelforest"


def _provide_linux() -> Provision:
    was_late = "pyopencl" in sys.modules
    chosen = os.environ.get("OCL_ICD_VENDORS")
    if chosen and not Path(chosen).name.startswith(_FOLDER_PREFIX):
        return Provision(user_choice=chosen, was_late=was_late)
    libraries = _installed_files()
    if _RUNTIME not in libraries:
        return Provision(was_late=was_late)
    runtime = libraries[_RUNTIME]
    problems = _load_dependencies(libraries)
    try:
        folder = _icd_folder(_icd_files(runtime), inherited=chosen)
    except OSError as error:
        return Provision(problems=(*problems, f"no folder for the ICD files could be written: {error}"))
    os.environ["OCL_ICD_VENDORS"] = str(folder)
    return Provision(runtime, folder, problems=problems, was_late=was_late)


def _provide_windows() -> Provision:
    # Best effort: Khronos' loader adds the files of OCL_ICD_FILENAMES to those of the registry.
    libraries = _installed_files()
    runtime = libraries.get("intelocl64.dll")
    if runtime is None or os.environ.get("OCL_ICD_FILENAMES"):
        return Provision(user_choice=os.environ.get("OCL_ICD_FILENAMES"))
    problems = []
    for folder in sorted({path.parent for path in libraries.values() if path.suffix == ".dll"}):
        try:
            os.add_dll_directory(str(folder))  # type: ignore[attr-defined,unused-ignore]
        except OSError as error:
            problems.append(f"{folder} could not be added to the library search path: {error}")
    os.environ["OCL_ICD_FILENAMES"] = str(runtime)
    return Provision(runtime, problems=tuple(problems), was_late="pyopencl" in sys.modules)


def _installed_files() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for package in _PACKAGES:
        try:
            distribution = metadata.distribution(package)
        except metadata.PackageNotFoundError:
            continue
        for file in distribution.files or ():
            if ".so" in file.name or file.name.endswith(".dll"):
                path = Path(str(distribution.locate_file(file))).resolve()
                if path.exists():
                    found.setdefault(file.name, path)
    return found


def _load_dependencies(libraries: dict[str, Path]) -> tuple[str, ...]:
    problems = []
    for name in _DEPENDENCIES:
        if name not in libraries:
            problems.append(f"{name} is missing; install intel-cmplr-lib-rt and tbb")
            continue
        try:
            ctypes.CDLL(str(libraries[name]), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            problems.append(f"{name} does not load: {error}")
    return tuple(problems)


def _icd_files(runtime: Path) -> dict[str, str]:
    """Return file name → library for `runtime` and for every ICD that the system lists."""
    files: dict[str, str] = {}
    for folder in _system_icd_folders():
        for path in sorted(folder.glob("*.icd")):
            try:
                library = path.read_text().strip()
            except (OSError, UnicodeDecodeError):
                continue
            # An absolute path that leads nowhere is pip's placeholder or a leftover.
            if library and (not library.startswith("/") or Path(library).exists()) and library not in files.values():
                files.setdefault(path.name, library)
    # Two copies of one runtime in a process disturb each other: the system's own wins.
    if not any(Path(library).name.startswith(_RUNTIME) for library in files.values()):
        files["pixelforest-intel-cpu.icd"] = str(runtime)
    return files


def _system_icd_folders() -> list[Path]:
    default = os.environ.get("OPENCL_VENDOR_PATH") or "/etc/OpenCL/vendors"
    folders = [default, *(f"{prefix}/etc/OpenCL/vendors" for prefix in (sys.prefix, sys.base_prefix))]
    return [Path(folder) for folder in dict.fromkeys(folders)]


def _icd_folder(files: dict[str, str], inherited: str | None) -> Path:
    """Return a folder with exactly `files`: the inherited one, one in the cache, or a temporary one."""
    if inherited and _holds(Path(inherited), files):
        return Path(inherited)
    key = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    folder = cache_folder() / f"{_FOLDER_PREFIX}{key}"
    try:
        if not _holds(folder, files):
            _write_folder(folder, files)
        if _holds(folder, files):
            return folder
    except OSError:
        pass  # an unwritable cache
    return _write_files(_temporary_folder(_FOLDER_PREFIX), files)


def _holds(folder: Path, files: dict[str, str]) -> bool:
    try:
        return {path.name: path.read_text().strip() for path in folder.glob("*.icd")} == files
    except (OSError, UnicodeDecodeError):
        return False


def _write_folder(folder: Path, files: dict[str, str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
    try:
        # A rename is atomic: other processes see no folder or a whole one.
        _write_files(draft, files).rename(folder)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)  # another process was first, or the disk is full


def _write_files(folder: Path, files: dict[str, str]) -> Path:
    for name, library in files.items():
        (folder / name).write_text(f"{library}\n")
    return folder


def _temporary_folder(prefix: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child must not take it from its parent
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _user_cache() -> Path:
    chosen = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen) if chosen else Path("~/.cache").expanduser()


def _ensure_caches() -> None:
    """Turn PoCL and pyopencl away from cache folders that they cannot write.

    PoCL would list platforms without devices, and pyopencl would raise as soon as a kernel is made.
    """
    if sys.platform == "win32":
        return
    cache = _user_cache()
    if "POCL_CACHE_DIR" not in os.environ and not _is_writable(cache, "pocl", "kcache"):
        os.environ["POCL_CACHE_DIR"] = str(_temporary_folder("pixelforest-pocl-"))
    if "PYOPENCL_NO_CACHE" not in os.environ and not _is_writable(cache, "pytools"):
        os.environ["PYOPENCL_NO_CACHE"] = "1"
        if "pyopencl" in sys.modules:  # it has read the variable already
            sys.modules["pyopencl"]._PYOPENCL_NO_CACHE = True  # type: ignore[attr-defined]


def _is_writable(folder: Path, *parts: str) -> bool:
    """Tell whether `folder`, or as much of ``folder / *parts`` as exists, can be written."""
    for part in parts:
        if (folder / part).exists():
            folder = folder / part
    # Tried rather than asked: permission bits do not tell of read-only mounts or of root.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
