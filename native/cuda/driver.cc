#include "driver.h"

#include <map>
#include <mutex>
#include <stdexcept>

namespace flatmin::cuda {

std::shared_ptr<const Driver> Driver::open(const std::string& path) {
  static std::mutex mutex;
  static auto* opened = new std::map<std::string, std::shared_ptr<const Driver>>;  // leaked: used until the process ends
  std::lock_guard<std::mutex> lock(mutex);
  auto& driver = (*opened)[path];
  if (!driver) driver.reset(new Driver(SharedLibrary(path)));
  return driver;
}

Driver::Driver(const SharedLibrary& library) {
#define FLATMIN_RESOLVE(name, arguments) name = reinterpret_cast<decltype(name)>(library.require(#name));
  FLATMIN_CUDA_FUNCTIONS(FLATMIN_RESOLVE)
#undef FLATMIN_RESOLVE
  check(cuInit(0), "cuInit");
}

int Driver::version() const {
  int version = 0;
  check(cuDriverGetVersion(&version), "cuDriverGetVersion");
  return version;
}

void Driver::check(Result result, const char* call) const {
  if (result == kSuccess) return;
  const char* name = nullptr;
  const char* text = nullptr;
  cuGetErrorName(result, &name);
  cuGetErrorString(result, &text);
  throw std::runtime_error(std::string(call) + " failed: " + (name ? name : "error " + std::to_string(result)) +
                           (text ? " (" + std::string(text) + ")" : ""));
}

}  // namespace flatmin::cuda
