#include "shared_library.h"

#include <stdexcept>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace flatmin {

#ifdef _WIN32
namespace {

std::wstring wide(const std::string& text) {
  int size = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
  std::wstring out(size, L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), out.data(), size);
  return out;
}

}  // namespace

SharedLibrary::SharedLibrary(const std::string& path, Scope) : path_(path) {
  // The altered search finds a library's dependencies beside it; it needs an absolute path.
  bool absolute = path.find_first_of("\\/") != std::string::npos;
  HMODULE module = LoadLibraryExW(wide(path).c_str(), nullptr, absolute ? LOAD_WITH_ALTERED_SEARCH_PATH : 0);
  if (!module) throw std::runtime_error("cannot load " + path + ": error " + std::to_string(GetLastError()));
  handle_ = module;
}

SharedLibrary SharedLibrary::loaded() {
  SharedLibrary all;
  all.handle_ = GetModuleHandleW(nullptr);
  return all;
}

void* SharedLibrary::find(const char* symbol) const {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle_), symbol));
}
#else
SharedLibrary::SharedLibrary(const std::string& path, Scope scope) : path_(path) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | (scope == Scope::global ? RTLD_GLOBAL : RTLD_LOCAL));
  if (handle_) return;
  const char* error = dlerror();
  std::string reason = error ? error : "no reason given";
  throw std::runtime_error("cannot load " + (reason.starts_with(path) ? reason : path + ": " + reason));
}

SharedLibrary SharedLibrary::loaded() {
  SharedLibrary all;
  all.handle_ = dlopen(nullptr, RTLD_NOW);
  return all;
}

void* SharedLibrary::find(const char* symbol) const { return dlsym(handle_, symbol); }
#endif

void* SharedLibrary::require(const char* symbol) const {
  if (void* found = find(symbol)) return found;
  throw std::runtime_error(path_ + " has no function " + symbol);
}

}  // namespace flatmin
