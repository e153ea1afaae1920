"""What addons for any platform need and offer, as JSON by path: python read.py FILE..."""

import json
import sys

import lief


def facts(path):
    binary = lief.parse(path)
    delayed = []
    if isinstance(binary, lief.ELF.Binary):
        needs = [v.name for r in binary.symbols_version_requirement for v in r.get_auxiliary_symbols()]
        machine = binary.header.machine_type
        # Functions of Node-API have no type here, and are no imports to lief.
        imports = [s.name for s in binary.dynamic_symbols if s.shndx == 0 and s.name]
        exports = [s.name for s in binary.exported_symbols]
        libraries = list(binary.libraries)
    elif isinstance(binary, lief.PE.Binary):
        needs = []
        machine = binary.header.machine
        delayed = [i.name for i in binary.delay_imports]
        imports = [e.name for i in [*binary.imports, *binary.delay_imports] for e in i.entries]
        exports = [e.name for e in binary.get_export().entries]
        libraries = [i.name for i in binary.imports]
    else:
        needs = []
        machine = binary.header.cpu_type
        imports = [s.name.removeprefix("_") for s in binary.imported_symbols]
        exports = [s.name.removeprefix("_") for s in binary.exported_symbols]
        libraries = [library.name for library in binary.libraries if library.command != lief.MachO.LoadCommand.TYPE.ID_DYLIB]
    return {
        "format": binary.format.name,
        "machine": machine.name,
        "versions": sorted(set(needs)),
        "imports": sorted(set(imports)),
        "exports": sorted(set(exports)),
        "libraries": sorted(set(libraries)),
        "delayed": sorted(set(delayed)),
    }


print(json.dumps({path: facts(path) for path in sys.argv[1:]}))
