#include "module.h"

#include <stdexcept>

namespace flatmin::cuda {

Module::Module(std::shared_ptr<Device> device, const std::string& source) : device_(std::move(device)) {
  std::string image = device_->compiler().compile(source, device_->capability());
  auto held = device_->share();
  device_->driver().check(device_->driver().cuModuleLoadData(&handle_, image.data()), "cuModuleLoadData");
}

Module::~Module() {
  auto held = device_->share();
  device_->drain();
  device_->driver().cuModuleUnload(handle_);
}

const Module::Entry& Module::find(const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (auto known = entries_.find(name); known != entries_.end()) return known->second;
  const Driver& driver = device_->driver();
  Entry entry;
  Result result = driver.cuModuleGetFunction(&entry.kernel, handle_, name.c_str());
  if (result == kNotFound) throw std::invalid_argument("the module has no kernel named \"" + name + "\"");
  driver.check(result, "cuModuleGetFunction");
  for (size_t offset, bytes;; entry.parameters.push_back(bytes)) {
    result = driver.cuFuncGetParamInfo(entry.kernel, entry.parameters.size(), &offset, &bytes);
    if (result == kInvalidValue) break;  // past the last
    driver.check(result, "cuFuncGetParamInfo");
  }
  return entries_[name] = std::move(entry);
}

void Module::launch(const std::string& name, unsigned grid, unsigned block, std::vector<Argument> arguments) {
  auto held = device_->share();
  const Entry& entry = find(name);
  if (arguments.size() != entry.parameters.size()) {
    throw std::invalid_argument("kernel \"" + name + "\" takes " + std::to_string(entry.parameters.size()) + " arguments, not " +
                                std::to_string(arguments.size()));
  }
  std::vector<void*> addresses;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].bytes != entry.parameters[i]) {
      throw std::invalid_argument("argument " + std::to_string(i) + " of kernel \"" + name + "\" is " +
                                  std::to_string(entry.parameters[i]) + " bytes wide, not " + std::to_string(arguments[i].bytes));
    }
    addresses.push_back(&arguments[i].bits);  // little-endian, as all hosts of GPUs are
  }
  device_->driver().check(device_->driver().cuLaunchKernel(entry.kernel, grid, 1, 1, block, 1, 1, 0, device_->stream(), addresses.data(), nullptr),
                          ("kernel \"" + name + "\": cuLaunchKernel").c_str());
}

}  // namespace flatmin::cuda
