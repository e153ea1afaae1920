// A module of the emulated driver: the shared library inside the image that the emulated compiler made.
#pragma once

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "block.h"
#include "device_state.h"

namespace emulator {

struct Module;

struct Function {
  Module* module;
  Launcher launch;  // nullptr: real machine code, which cannot be run here
  int (*parameter)(size_t);
};

struct Module {
  void* library = nullptr;
  EmulatorState* state = nullptr;
  std::map<std::string, std::unique_ptr<Function>> functions;

  ~Module() {
    if (library) dlclose(library);
  }

  // nullptr where there is no such kernel.
  Function* find(const std::string& name) {
    auto& known = functions[name];
    if (known) return known.get();
    if (!library) return (known = std::make_unique<Function>(Function{this, nullptr, [](size_t) { return -1; }})).get();
    void* launch = dlsym(library, ("emulator_launch_" + name).c_str());
    // Without extern "C" its name would be another one.
    if (!launch || !dlsym(library, name.c_str())) return nullptr;
    auto parameter = reinterpret_cast<int (*)(size_t)>(dlsym(library, ("emulator_parameter_" + name).c_str()));
    return (known = std::make_unique<Function>(Function{this, reinterpret_cast<Launcher>(launch), parameter})).get();
  }
};

inline bool suits(const EmulatorImage& image, unsigned capability) {
  return image.exact ? image.architecture == capability : image.architecture <= capability;
}

// nullptr where the library cannot be loaded.
inline std::unique_ptr<Module> load(const EmulatorImage& image) {
  std::string path = std::filesystem::temp_directory_path() / "emulated-module-XXXXXX";
  int file = mkstemp(path.data());
  if (file < 0) return nullptr;
  const char* bytes = reinterpret_cast<const char*>(&image + 1);
  bool written = write(file, bytes, image.bytes) == static_cast<ssize_t>(image.bytes);
  close(file);
  auto module = std::make_unique<Module>();
  if (written) module->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module->library) std::fprintf(stderr, "emulated driver: %s\n", dlerror());
  unlink(path.c_str());
  if (!module->library) return nullptr;
  module->state = static_cast<EmulatorState*>(dlsym(module->library, "emulator_state"));
  return module;
}

}  // namespace emulator
