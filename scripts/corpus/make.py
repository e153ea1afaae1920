"""Exports the corpus: python make.py SOURCE… [--only NAME…] [--out FOLDER]. See README.md."""

import argparse
import fnmatch
import importlib
import json
import multiprocessing
import multiprocessing.connection
import pathlib
import time
import traceback

SOURCES = ["blocks", "convolutional", "timm", "torchvision", "transformers", "keras", "sklearn", "paddle"]


def write(out, source, name, form, weights, model, tensors, **more):
    folder = pathlib.Path(out) / source / name / f"{form}-{weights}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    truth = {"source": source, "model": name, "form": form, "weights": weights, **more, "tensors": tensors}
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False))


def export(source, name, out, wanted, missing, log):
    module = importlib.import_module(f"models_{source}")
    lines = []
    for form, make in module.forms(name):
        if (wanted and form not in wanted) or (missing and list((pathlib.Path(out) / source / name).glob(f"{form}-*"))):
            continue
        start = time.time()
        try:
            for weights, (model, tensors) in make().items():
                write(out, source, name, form, weights, model, tensors)
                roles = [use["role"] for tensor in tensors for use in tensor["uses"]]
                counts = {role: roles.count(role) for role in sorted(set(roles))}
                bare = sum(1 for t in tensors for u in t["uses"] if u["role"] == "parameter" and not u.get("of"))
                lines.append(f"{source}/{name}/{form}-{weights} {counts} {model.ByteSize()} bytes{f' {bare} without names' if bare else ''}")
            lines[-1] += f" {time.time() - start:.1f}s"
        except Exception as error:
            lines.append(f"{source}/{name}/{form} FAILED {type(error).__name__}: {str(error).strip().splitlines()[0][:160] if str(error).strip() else ''}")
            if log == "-":
                traceback.print_exc()
        print("\n".join(lines), flush=True)
        if log != "-":
            with open(log, "a") as file:
                file.write("\n".join(lines) + "\n")
        lines = []


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("sources", nargs="*", default=SOURCES)
    parse.add_argument("--only", nargs="*", default=["*"])
    parse.add_argument("--form", nargs="*")
    parse.add_argument("--out", default="/tmp/corpus")
    parse.add_argument("--missing", action="store_true", help="skip forms that have a folder")
    parse.add_argument("--jobs", type=int, default=1, help="models at a time")
    parse.add_argument("--limit", type=int, default=900, help="seconds for a model")
    given = parse.parse_args()
    pathlib.Path(given.out).mkdir(parents=True, exist_ok=True)
    log = str(pathlib.Path(given.out) / "log.txt")
    waiting = []
    for source in given.sources:
        for name in importlib.import_module(f"models_{source}").names():
            if any(fnmatch.fnmatch(name, pattern) for pattern in given.only):
                waiting.append((source, name))
    running = {}
    while waiting or running:
        while waiting and len(running) < given.jobs:
            source, name = waiting.pop(0)
            child = multiprocessing.get_context("fork").Process(target=export, args=(source, name, given.out, given.form, given.missing, log))
            child.start()
            running[f"{source}/{name}"] = (child, time.time() + given.limit)
        multiprocessing.connection.wait([child.sentinel for child, _ in running.values()], 10)
        for name, (child, end) in list(running.items()):
            if child.is_alive() and time.time() > end:
                child.kill()
                print(f"{name} took over {given.limit} s", flush=True)
            elif not child.is_alive():
                del running[name]
                if child.exitcode:
                    print(f"{name} ended with {child.exitcode}", flush=True)


if __name__ == "__main__":
    main()
