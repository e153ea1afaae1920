// What the N-API classes share: per-environment state, argument checks, and promises over libuv's thread pool.
#pragma once

#include <napi.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../base/storage.h"

namespace flatmin {

// One per Node environment (the main thread and each worker thread has its own).
struct AddonData {
  Napi::FunctionReference buffer, session, binding, cuda_device, cuda_module, cuda_event, mpi;
  std::map<int, Napi::ObjectReference> cuda_devices;  // by ordinal
};

void export_buffer(Napi::Env env, Napi::Object exports);
void export_session(Napi::Env env, Napi::Object exports);
void export_compute(Napi::Env env, Napi::Object exports);
void export_cuda(Napi::Env env, Napi::Object exports);
void export_mpi(Napi::Env env, Napi::Object exports);

// Runs `work` off the event loop, then `result` on it. What they capture must own all that they touch.
Napi::Promise run_async(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result);

// Runs `body`, turning C++ exceptions into JavaScript errors.
template <typename Body>
auto guarded(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

View view_of(const Napi::Value& value, const char* what);  // throws TypeError unless an undisposed DeviceBuffer
View host_floats_of(const Napi::Value& value, const char* what);  // and unless the CPU can read it as float32 numbers
void require_floats(Napi::Env env, const View& view, const char* what);  // throws RangeError unless it is aligned as float32 numbers are
Napi::Object wrap_view(Napi::Env env, const View& view);
Napi::Object wrap_storage(Napi::Env env, std::shared_ptr<Storage> storage);  // a buffer of the whole
std::string string_argument(const Napi::Value& value, const char* what);
double number_argument(const Napi::Value& value, const char* what, double least, double most);  // an integer in [least, most]
std::vector<int64_t> dims_argument(const Napi::Value& value, const char* what);

}  // namespace flatmin
