// CudaModule for JavaScript: kernels and their arguments.
#include "../cuda/module.h"

#include <cstring>

#include "cuda_classes.h"

namespace flatmin::cuda {
namespace {

template <typename Number>
Argument argument(Number number) {
  Argument out{0, sizeof number};
  std::memcpy(&out.bits, &number, sizeof number);
  return out;
}

uint64_t u64_argument(const Napi::Value& value, const char* what) {
  if (!value.IsBigInt()) return static_cast<uint64_t>(number_argument(value, what, 0, 9007199254740991.0));
  bool lossless = false;
  uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a bigint from 0 to 2^64 - 1");
  return number;
}

// A DeviceBuffer, or { type, value }.
Argument read_argument(const Napi::Value& value, const std::string& what, const Device& device) {
  Napi::Env env = value.Env();
  if (!value.IsObject()) throw Napi::TypeError::New(env, what + " must be a DeviceBuffer or { type, value }");
  auto object = value.As<Napi::Object>();
  auto type = object.Get("type");
  if (!type.IsString()) {
    View view = device_view_of(value, what.c_str(), device);
    require_floats(env, view, what.c_str());
    return argument<DeviceAddress>(device_address(view));
  }
  auto name = type.As<Napi::String>().Utf8Value();
  auto given = object.Get("value");
  if (name == "u32") return argument(static_cast<uint32_t>(number_argument(given, what.c_str(), 0, 4294967295.0)));
  if (name == "u64") return argument(u64_argument(given, what.c_str()));
  if (name != "f32" && name != "f64") throw Napi::TypeError::New(env, what + " has type \"" + name + "\", which is none of f32, f64, u32, u64");
  if (!given.IsNumber()) throw Napi::TypeError::New(env, what + " must be a number");
  double number = given.As<Napi::Number>().DoubleValue();
  return name == "f64" ? argument(number) : argument(static_cast<float>(number));
}

class CudaModule : public Napi::ObjectWrap<CudaModule> {
 public:
  explicit CudaModule(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CudaModule>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "modules are made by device.compile()");
    module_ = *info[0].As<Napi::External<std::shared_ptr<Module>>>().Data();
  }

  // launch(kernel, grid, block, args): void
  void launch(const Napi::CallbackInfo& info) {
    auto kernel = string_argument(info[0], "kernel");
    auto grid = static_cast<unsigned>(number_argument(info[1], "grid", 1, 2147483647.0));
    auto block = static_cast<unsigned>(number_argument(info[2], "block", 1, 1024));
    if (!info[3].IsArray()) throw Napi::TypeError::New(info.Env(), "args must be an array");
    auto list = info[3].As<Napi::Array>();
    std::vector<Argument> arguments;
    for (uint32_t i = 0; i < list.Length(); ++i) {
      arguments.push_back(read_argument(list.Get(i), "argument " + std::to_string(i) + " of kernel \"" + kernel + "\"", module_->device()));
    }
    guarded(info.Env(), [&] { module_->launch(kernel, grid, block, std::move(arguments)); });
  }

 private:
  std::shared_ptr<Module> module_;
};

}  // namespace

Napi::Function define_module(Napi::Env env) {
  return CudaModule::DefineClass(env, "CudaModule", {CudaModule::InstanceMethod("launch", &CudaModule::launch)});
}

}  // namespace flatmin::cuda
