// A CUDA driver with emulated GPUs. Queued work runs later, on a thread of its stream; what is wrong with it is an error of the calls
// that follow. Settings are environment variables, read at each call: see emulator.ts.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "block.h"
#include "capture.h"
#include "memory.h"
#include "module.h"
#include "queue.h"

using namespace emulator;

namespace {

enum Result : int {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  no_device = 100,
  invalid_device = 101,
  no_binary = 209,
  invalid_image = 200,
  invalid_context = 201,
  not_found = 500,
  not_ready = 600,
  illegal_address = 700,
  launch_failed = 719,
  capture_unsupported = 900,
  capture_invalidated = 901,
  capture_wrong_thread = 908,
  not_supported = 801,
};

struct Context {
  int device;
  std::atomic<int> failure{success};  // sticky: all later calls return it
};

struct Stream {
  Context* context;
  Queue queue;
};

struct Event {
  Stream* stream = nullptr;
  uint64_t number = 0;
};

long setting(const char* name, long fallback) {
  const char* text = std::getenv(name);
  return text && *text ? std::atol(text) : fallback;
}

int device_count() { return static_cast<int>(setting("FLATMIN_EMULATOR_DEVICES", 2)); }
unsigned capability() { return static_cast<unsigned>(setting("FLATMIN_EMULATOR_CAPABILITY", 90)); }
size_t memory_limit() { return static_cast<size_t>(setting("FLATMIN_EMULATOR_MEMORY", 1 << 30)); }

Memory& memory() {
  static auto* memory = new Memory;
  return *memory;
}

Context* context_of(int device) {
  static auto* contexts = new std::vector<Context*>;
  while (static_cast<int>(contexts->size()) <= device) contexts->push_back(new Context{static_cast<int>(contexts->size())});
  return (*contexts)[device];
}

thread_local Context* current = nullptr;

// FLATMIN_EMULATOR_FAIL="cuMemAlloc_v2=2" makes a call return that error.
int injected(const char* call) {
  const char* wanted = std::getenv("FLATMIN_EMULATOR_FAIL");
  size_t length = std::strlen(call);
  return wanted && std::strncmp(wanted, call, length) == 0 && wanted[length] == '=' ? std::atoi(wanted + length + 1) : success;
}

Captures& captures() {
  static auto* captures = new Captures;
  return *captures;
}

// Around a call that a capture of another thread forbids.
struct Call {
  explicit Call(const char* name) : is_allowed(captures().enter()), result(is_allowed ? injected(name) : capture_unsupported) {}
  ~Call() { captures().leave(); }
  bool is_allowed;
  int result;
};

int failure_here() { return current ? current->failure.load() : invalid_context; }

template <class Task>
int enqueue(Stream* stream, Task task) {
  if (stream->context != current) return invalid_context;
  stream->queue.push(
      [stream, task] {
        Context& context = *stream->context;
        if (context.failure != success) return;
        Memory::Open open(memory());
        if (int result = task(context)) context.failure = result;
      },
      static_cast<int>(setting("FLATMIN_EMULATOR_DELAY", 0)));
  return success;
}

}  // namespace

// What a call returns before it does anything.
#define GUARDED        \
  Call call(__func__); \
  if (call.result) return call.result
#define NEEDS_CONTEXT \
  GUARDED;            \
  if (int result = failure_here()) return result

extern "C" {

int cuInit(unsigned) {
  if (int result = injected(__func__)) return result;
  return device_count() > 0 ? success : no_device;
}

int cuDriverGetVersion(int* version) {
  *version = 13020;
  return success;
}

int cuGetErrorName(int result, const char** name) {
  switch (result) {
    case success: *name = "CUDA_SUCCESS"; break;
    case invalid_value: *name = "CUDA_ERROR_INVALID_VALUE"; break;
    case out_of_memory: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case no_device: *name = "CUDA_ERROR_NO_DEVICE"; break;
    case invalid_device: *name = "CUDA_ERROR_INVALID_DEVICE"; break;
    case invalid_image: *name = "CUDA_ERROR_INVALID_IMAGE"; break;
    case invalid_context: *name = "CUDA_ERROR_INVALID_CONTEXT"; break;
    case no_binary: *name = "CUDA_ERROR_NO_BINARY_FOR_GPU"; break;
    case not_found: *name = "CUDA_ERROR_NOT_FOUND"; break;
    case not_ready: *name = "CUDA_ERROR_NOT_READY"; break;
    case illegal_address: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
    case launch_failed: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
    case not_supported: *name = "CUDA_ERROR_NOT_SUPPORTED"; break;
    case capture_unsupported: *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; break;
    default: *name = nullptr; return invalid_value;
  }
  return success;
}

int cuGetErrorString(int result, const char** text) {
  switch (result) {
    case out_of_memory: *text = "out of memory"; break;
    case no_device: *text = "no CUDA-capable device is detected"; break;
    case illegal_address: *text = "an illegal memory access was encountered"; break;
    case launch_failed: *text = "unspecified launch failure"; break;
    default: *text = "emulated"; break;
  }
  return success;
}

int cuDeviceGetCount(int* count) {
  *count = device_count();
  return success;
}

int cuDeviceGet(int* device, int ordinal) {
  if (ordinal < 0 || ordinal >= device_count()) return invalid_device;
  *device = ordinal;
  return success;
}

int cuDeviceGetName(char* name, int bytes, int) {
  std::strncpy(name, "Emulated GPU", bytes);
  return success;
}

int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 16: *value = 4; return success;  // multiprocessors
    case 75: *value = static_cast<int>(capability() / 10); return success;
    case 76: *value = static_cast<int>(capability() % 10); return success;
    default: return invalid_value;
  }
}

int cuDevicePrimaryCtxRetain(Context** context, int device) {
  if (int result = injected(__func__)) return result;
  *context = context_of(device);
  return success;
}

int cuCtxSetCurrent(Context* context) {
  current = context;
  return success;
}

int cuStreamCreate(Stream** stream, unsigned) {
  NEEDS_CONTEXT;
  *stream = new Stream{current, {}};
  return success;
}

int cuStreamSynchronize(Stream* stream) {
  GUARDED;
  stream->queue.wait(stream->queue.pushed());
  return stream->context->failure;
}

// With FLATMIN_EMULATOR_CAPTURE the emulator captures in ONNX Runtime's place: every other call of this function begins a capture when it
// has answered, and the next finds it ended ("ended") or still open ("open").
int cuStreamIsCapturing(Stream* stream, int* status) {
  if (int result = failure_here()) return result;
  const char* mode = std::getenv("FLATMIN_EMULATOR_CAPTURE");
  *status = captures().ask(mode ? mode : "", stream);
  return success;
}

// What was captured takes memory of the GPU for as long as its graph lives.
int cuStreamEndCapture(Stream* stream, unsigned long long* graph) {
  *graph = 0;
  switch (captures().end(stream)) {
    case Captures::End::wrong_thread: return capture_wrong_thread;
    case Captures::End::none: return invalid_value;
    case Captures::End::broken: return capture_invalidated;
    case Captures::End::whole: *graph = memory().allocate(1 << 20, stream->context->device, false, memory_limit());
  }
  return success;
}

int cuGraphDestroy(unsigned long long graph) { return memory().free(graph, false) ? success : invalid_value; }

int cuMemGetInfo_v2(size_t* free, size_t* total) {
  NEEDS_CONTEXT;
  size_t used = memory().used(current->device);
  *total = memory_limit();
  *free = used > *total ? 0 : *total - used;
  return success;
}

int cuMemAlloc_v2(unsigned long long* address, size_t bytes) {
  NEEDS_CONTEXT;
  if (bytes == 0) return invalid_value;
  *address = memory().allocate(bytes, current->device, false, memory_limit());
  return *address ? success : out_of_memory;
}

int cuMemFree_v2(unsigned long long address) {
  NEEDS_CONTEXT;
  return memory().free(address, false) ? success : invalid_value;
}

int cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  NEEDS_CONTEXT;
  if (bytes == 0) return invalid_value;
  uintptr_t made = memory().allocate(bytes, current->device, true, SIZE_MAX);
  *address = reinterpret_cast<void*>(made);
  if (made) std::memset(*address, 0xab, bytes);  // as it comes
  return made ? success : out_of_memory;
}

int cuMemFreeHost(void* address) {
  NEEDS_CONTEXT;
  return memory().free(reinterpret_cast<uintptr_t>(address), true) ? success : invalid_value;
}

int cuMemsetD8Async(unsigned long long address, unsigned char value, size_t bytes, Stream* stream) {
  NEEDS_CONTEXT;
  return enqueue(stream, [=](Context& context) -> int {
    if (!memory().on_device(address, bytes, context.device)) return illegal_address;
    std::memset(reinterpret_cast<void*>(address), value, bytes);
    return success;
  });
}

int cuMemcpyAsync(unsigned long long target, unsigned long long source, size_t bytes, Stream* stream) {
  NEEDS_CONTEXT;
  return enqueue(stream, [=](Context&) -> int {
    if (!memory().find(target, bytes) || !memory().find(source, bytes)) return illegal_address;
    std::memmove(reinterpret_cast<void*>(target), reinterpret_cast<void*>(source), bytes);
    return success;
  });
}

int cuMemcpyHtoDAsync_v2(unsigned long long target, const void* source, size_t bytes, Stream* stream) {
  NEEDS_CONTEXT;
  return enqueue(stream, [=](Context& context) -> int {
    if (!memory().on_device(target, bytes, context.device)) return illegal_address;
    std::memcpy(reinterpret_cast<void*>(target), source, bytes);
    return success;
  });
}

int cuMemcpyDtoHAsync_v2(void* target, unsigned long long source, size_t bytes, Stream* stream) {
  NEEDS_CONTEXT;
  return enqueue(stream, [=](Context& context) -> int {
    if (!memory().on_device(source, bytes, context.device)) return illegal_address;
    std::memcpy(target, reinterpret_cast<void*>(source), bytes);
    return success;
  });
}

int cuEventCreate(Event** event, unsigned) {
  NEEDS_CONTEXT;
  *event = new Event;
  return success;
}

int cuEventRecord(Event* event, Stream* stream) {
  NEEDS_CONTEXT;
  event->stream = stream;
  event->number = stream->queue.pushed();
  return success;
}

int cuEventQuery(Event* event) {
  GUARDED;
  if (!event->stream->queue.passed(event->number)) return not_ready;
  return event->stream->context->failure;
}

int cuEventSynchronize(Event* event) {
  GUARDED;
  event->stream->queue.wait(event->number);
  return event->stream->context->failure;
}

int cuEventDestroy_v2(Event* event) {
  GUARDED;
  delete event;
  return success;
}

// Machine code and PTX of the real compiler are taken too, but cannot be run.
int cuModuleLoadData(Module** out, const void* bytes) {
  NEEDS_CONTEXT;
  const auto* image = static_cast<const EmulatorImage*>(bytes);
  if (std::strcmp(image->magic, EMULATOR_IMAGE_MAGIC) != 0) {
    *out = new Module;
    return success;
  }
  if (!suits(*image, capability())) return no_binary;
  auto module = load(*image);
  if (!module) return invalid_image;
  *out = module.release();
  return success;
}

int cuModuleGetFunction(Function** function, Module* module, const char* name) {
  NEEDS_CONTEXT;
  *function = module->find(name);
  return *function ? success : not_found;
}

int cuModuleUnload(Module* module) {
  NEEDS_CONTEXT;
  delete module;
  return success;
}

int cuFuncGetParamInfo(Function* function, size_t index, size_t* offset, size_t* bytes) {
  int size = function->parameter(index);
  if (size < 0) return invalid_value;
  *bytes = size;
  *offset = 0;
  return success;
}

int cuLaunchKernel(Function* function, unsigned grid, unsigned grid_y, unsigned grid_z, unsigned block, unsigned block_y, unsigned block_z,
                   unsigned, Stream* stream, void** values, void**) {
  NEEDS_CONTEXT;
  if (!function->launch) return not_supported;
  if (grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1 || block > 1024 || grid == 0 || block == 0) return invalid_value;
  std::vector<std::vector<char>> copies;
  for (size_t i = 0; function->parameter(i) >= 0; ++i) {
    const char* value = static_cast<const char*>(values[i]);
    copies.emplace_back(value, value + function->parameter(i));
  }
  return enqueue(stream, [=](Context&) -> int {
    std::vector<void*> addresses;
    for (const auto& copy : copies) addresses.push_back(const_cast<char*>(copy.data()));
    switch (Grid().run(function->launch, addresses.data(), *function->module->state, grid, block)) {
      case Outcome::done: return success;
      case Outcome::fault: return illegal_address;
      case Outcome::deadlock: return launch_failed;
    }
    return launch_failed;
  });
}
}
