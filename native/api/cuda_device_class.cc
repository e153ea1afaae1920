// CudaDevice for JavaScript, and openCudaDevice.
#include "../cuda/event.h"
#include "../cuda/memory.h"
#include "../cuda/module.h"
#include "cuda_classes.h"
#include "getter.h"

namespace flatmin::cuda {
namespace {

class CudaDevice : public Napi::ObjectWrap<CudaDevice> {
 public:
  static constexpr napi_type_tag tag{0xd1480b6ce92f4a57, 0xa37e51c6084d2bf9};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "CudaDevice",
        {getter<CudaDevice, &CudaDevice::name>("name"), getter<CudaDevice, &CudaDevice::compute_capability>("computeCapability"),
         getter<CudaDevice, &CudaDevice::multiprocessors>("multiprocessors"), getter<CudaDevice, &CudaDevice::driver_version>("driverVersion"),
         getter<CudaDevice, &CudaDevice::stream_address>("streamAddress"), InstanceMethod("memory", &CudaDevice::memory),
         InstanceMethod("allocate", &CudaDevice::allocate<DeviceMemory>), InstanceMethod("allocatePinned", &CudaDevice::allocate<PinnedMemory>),
         InstanceMethod("compile", &CudaDevice::compile), InstanceMethod("copy", &CudaDevice::copy),
         InstanceMethod("record", &CudaDevice::record), InstanceMethod("synchronize", &CudaDevice::synchronize)});
  }

  explicit CudaDevice(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CudaDevice>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "devices are made by openCudaDevice()");
    info.This().As<Napi::Object>().TypeTag(&tag);
    device_ = *info[0].As<Napi::External<std::shared_ptr<Device>>>().Data();
  }

  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  Napi::Value name(Napi::Env env) {
    return guarded(env, [&] { return Napi::String::New(env, device_->name()); });
  }

  Napi::Value compute_capability(Napi::Env env) {
    int capability = guarded(env, [&] { return device_->capability(); });
    auto out = Napi::Array::New(env, 2);
    out.Set(0u, capability / 10);
    out.Set(1u, capability % 10);
    return out;
  }

  Napi::Value multiprocessors(Napi::Env env) {
    return Napi::Number::New(env, guarded(env, [&] { return device_->attribute(kMultiprocessorCount); }));
  }

  Napi::Value driver_version(Napi::Env env) {
    return Napi::Number::New(env, guarded(env, [&] { return device_->driver().version(); }));
  }

  Napi::Value stream_address(Napi::Env env) {
    return Napi::String::New(env, std::to_string(reinterpret_cast<uintptr_t>(device_->stream())));
  }

  Napi::Value memory(const Napi::CallbackInfo& info) {
    MemoryUse use = guarded(info.Env(), [&] { return device_->memory(); });
    auto out = Napi::Object::New(info.Env());
    out.Set("free", static_cast<double>(use.free));
    out.Set("total", static_cast<double>(use.total));
    return out;
  }

  template <typename Memory>
  Napi::Value allocate(const Napi::CallbackInfo& info) {
    auto bytes = static_cast<size_t>(number_argument(info[0], "byteLength", 0, 9007199254740991.0));
    return guarded(info.Env(), [&] { return wrap_storage(info.Env(), std::make_shared<Memory>(device_, bytes)); });
  }

  Napi::Value compile(const Napi::CallbackInfo& info) {
    auto source = string_argument(info[0], "source");
    auto module = std::make_shared<std::shared_ptr<Module>>();
    return run_async(
        info.Env(), [device = device_, source, module] { *module = std::make_shared<Module>(device, source); },
        [module](Napi::Env env) -> Napi::Value {
          auto& constructor = env.GetInstanceData<AddonData>()->cuda_module;
          return constructor.New({Napi::External<std::shared_ptr<Module>>::New(env, module.get())});
        });
  }

  void copy(const Napi::CallbackInfo& info) {
    View source = device_view_of(info[0], "source", *device_), target = device_view_of(info[1], "target", *device_);
    if (source.bytes != target.bytes) {
      throw Napi::RangeError::New(info.Env(), "the source has " + std::to_string(source.bytes) + " bytes, and the target " +
                                                  std::to_string(target.bytes));
    }
    guarded(info.Env(), [&] { device_->copy(device_address(target), device_address(source), source.bytes); });
  }

  Napi::Value record(const Napi::CallbackInfo& info) {
    auto event = guarded(info.Env(), [&] { return std::make_shared<Event>(device_); });
    auto& constructor = info.Env().GetInstanceData<AddonData>()->cuda_event;
    return constructor.New({Napi::External<std::shared_ptr<Event>>::New(info.Env(), &event)});
  }

  Napi::Value synchronize(const Napi::CallbackInfo& info) {
    return run_async(info.Env(), [device = device_] { Event(device).wait(); }, [](Napi::Env env) { return env.Undefined(); });
  }

  std::shared_ptr<Device> device_;
};

// openCudaDevice(ordinal, { driver, compiler }): CudaDevice, the same object each time
Napi::Value open_cuda_device(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int ordinal = static_cast<int>(number_argument(info[0], "ordinal", 0, 1023));
  if (!info[1].IsObject()) throw Napi::TypeError::New(env, "libraries must be an object of paths");
  auto libraries = info[1].As<Napi::Object>();
  auto driver = string_argument(libraries.Get("driver"), "driver"), compiler = string_argument(libraries.Get("compiler"), "compiler");
  auto* data = env.GetInstanceData<AddonData>();
  Napi::ObjectReference& known = data->cuda_devices[ordinal];
  if (!known.IsEmpty()) return known.Value();
  auto device = guarded(env, [&] { return Device::open(ordinal, driver, compiler); });
  auto object = data->cuda_device.New({Napi::External<std::shared_ptr<Device>>::New(env, &device)});
  known = Napi::Persistent(object);
  return object;
}

}  // namespace

std::shared_ptr<Device> device_of(const Napi::Value& value, const char* what) {
  if (!is_a<CudaDevice>(value)) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a device of openCudaDevice()");
  return Napi::ObjectWrap<CudaDevice>::Unwrap(value.As<Napi::Object>())->device();
}

View device_view_of(const Napi::Value& value, const char* what, const Device& device) {
  View view = view_of(value, what);
  if (view.storage->place() == Storage::Place::cpu || view.storage->ordinal() != device.ordinal()) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be in memory of cuda:" + std::to_string(device.ordinal()) +
                                                " or page-locked for it, but is on " + view.storage->device());
  }
  return view;
}

DeviceAddress device_address(const View& view) { return reinterpret_cast<uintptr_t>(view.data()); }

}  // namespace flatmin::cuda

namespace flatmin {

void export_cuda(Napi::Env env, Napi::Object exports) {
  auto* data = env.GetInstanceData<AddonData>();
  data->cuda_device = Napi::Persistent(cuda::CudaDevice::define(env));
  data->cuda_module = Napi::Persistent(cuda::define_module(env));
  data->cuda_event = Napi::Persistent(cuda::define_event(env));
  exports.Set("openCudaDevice", Napi::Function::New(env, cuda::open_cuda_device, "openCudaDevice"));
}

}  // namespace flatmin
