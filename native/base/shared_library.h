// Shared libraries, opened for the rest of the process.
#pragma once

#include <string>

namespace flatmin {

class SharedLibrary {
 public:
  // local: symbols found only through this handle; global: visible to libraries loaded later.
  enum class Scope { local, global };

  // Throws std::runtime_error naming the path and the reason.
  explicit SharedLibrary(const std::string& path, Scope scope = Scope::local);

  // What the process has loaded with its symbols visible to all; its path is empty.
  static SharedLibrary loaded();

  const std::string& path() const { return path_; }
  void* find(const char* symbol) const;     // nullptr where there is none
  void* require(const char* symbol) const;  // throws std::runtime_error naming the library and the symbol

 private:
  SharedLibrary() = default;

  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace flatmin
