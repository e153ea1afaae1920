// What the N-API classes of a GPU share.
#pragma once

#include "../cuda/device.h"
#include "addon.h"

namespace flatmin::cuda {

// Their constructors take (External<std::shared_ptr<Module or Event>>).
Napi::Function define_module(Napi::Env env);
Napi::Function define_event(Napi::Env env);

// Throws TypeError unless a CudaDevice.
std::shared_ptr<Device> device_of(const Napi::Value& value, const char* what);

// Throws TypeError unless an undisposed DeviceBuffer that the GPU can address.
View device_view_of(const Napi::Value& value, const char* what, const Device& device);
DeviceAddress device_address(const View& view);

}  // namespace flatmin::cuda
