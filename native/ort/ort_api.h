// The part of ONNX Runtime's C ABI that flatmin calls. The table of functions is append-only, so a slot number, once
// published, never changes; numbers and signatures are facts of onnxruntime_c_api.h, API version 24.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef _WIN32
#define ORT_CALL __stdcall
using OrtPathChar = wchar_t;
#else
#define ORT_CALL
using OrtPathChar = char;
#endif

struct OrtStatus;
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtValue;
struct OrtMemoryInfo;
struct OrtIoBinding;
struct OrtTypeInfo;
struct OrtTensorTypeAndShapeInfo;
struct OrtCustomOpDomain;
struct OrtKernelInfo;
struct OrtKernelContext;
struct OrtCustomOp;

struct OrtAllocator {
  uint32_t version;
  void*(ORT_CALL* Alloc)(OrtAllocator*, size_t);
  void(ORT_CALL* Free)(OrtAllocator*, void*);
  const OrtMemoryInfo*(ORT_CALL* Info)(const OrtAllocator*);
};

namespace flatmin::ort {

constexpr uint32_t kApiVersion = 24;

enum AllocatorType { kDeviceAllocator = 0, kArenaAllocator = 1 };
enum MemoryType { kMemoryDefault = 0 };
enum ValueKind { kTensor = 1 };
enum LoggingLevel { kLogFatal = 4 };
enum ElementType { kFloat = 1, kInt64 = 7, kBool = 9 };

// X(slot, return type, name, arguments)
#define FLATMIN_ORT_FUNCTIONS(X)                                                                                        \
  X(2, const char*, GetErrorMessage, (const OrtStatus*))                                                                \
  X(0, OrtStatus*, CreateStatus, (int, const char*))                                                                    \
  X(3, OrtStatus*, CreateEnv, (int, const char*, OrtEnv**))                                                             \
  X(8, OrtStatus*, CreateSessionFromArray, (const OrtEnv*, const void*, size_t, const OrtSessionOptions*, OrtSession**)) \
  X(10, OrtStatus*, CreateSessionOptions, (OrtSessionOptions**))                                                        \
  X(14, OrtStatus*, EnableProfiling, (OrtSessionOptions*, const OrtPathChar*))                                          \
  X(17, OrtStatus*, DisableMemPattern, (OrtSessionOptions*))                                                            \
  X(19, OrtStatus*, DisableCpuMemArena, (OrtSessionOptions*))                                                           \
  X(23, OrtStatus*, SetSessionGraphOptimizationLevel, (OrtSessionOptions*, int))                                        \
  X(24, OrtStatus*, SetIntraOpNumThreads, (OrtSessionOptions*, int))                                                    \
  X(25, OrtStatus*, SetInterOpNumThreads, (OrtSessionOptions*, int))                                                    \
  X(26, OrtStatus*, CreateCustomOpDomain, (const char*, OrtCustomOpDomain**))                                           \
  X(27, OrtStatus*, CustomOpDomain_Add, (OrtCustomOpDomain*, const OrtCustomOp*))                                       \
  X(28, OrtStatus*, AddCustomOpDomain, (OrtSessionOptions*, OrtCustomOpDomain*))                                        \
  X(30, OrtStatus*, SessionGetInputCount, (const OrtSession*, size_t*))                                                 \
  X(31, OrtStatus*, SessionGetOutputCount, (const OrtSession*, size_t*))                                                \
  X(33, OrtStatus*, SessionGetInputTypeInfo, (const OrtSession*, size_t, OrtTypeInfo**))                                \
  X(34, OrtStatus*, SessionGetOutputTypeInfo, (const OrtSession*, size_t, OrtTypeInfo**))                               \
  X(36, OrtStatus*, SessionGetInputName, (const OrtSession*, size_t, OrtAllocator*, char**))                            \
  X(37, OrtStatus*, SessionGetOutputName, (const OrtSession*, size_t, OrtAllocator*, char**))                           \
  X(39, OrtStatus*, CreateRunOptions, (OrtRunOptions**))                                                                \
  X(49, OrtStatus*, CreateTensorWithDataAsOrtValue,                                                                     \
    (const OrtMemoryInfo*, void*, size_t, const int64_t*, size_t, int, OrtValue**))                                     \
  X(51, OrtStatus*, GetTensorMutableData, (OrtValue*, void**))                                                          \
  X(55, OrtStatus*, CastTypeInfoToTensorInfo, (const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**))                  \
  X(56, OrtStatus*, GetOnnxTypeFromTypeInfo, (const OrtTypeInfo*, int*))                                                \
  X(60, OrtStatus*, GetTensorElementType, (const OrtTensorTypeAndShapeInfo*, int*))                                     \
  X(61, OrtStatus*, GetDimensionsCount, (const OrtTensorTypeAndShapeInfo*, size_t*))                                    \
  X(62, OrtStatus*, GetDimensions, (const OrtTensorTypeAndShapeInfo*, int64_t*, size_t))                                \
  X(63, OrtStatus*, GetSymbolicDimensions, (const OrtTensorTypeAndShapeInfo*, const char**, size_t))                    \
  X(65, OrtStatus*, GetTensorTypeAndShape, (const OrtValue*, OrtTensorTypeAndShapeInfo**))                              \
  X(68, OrtStatus*, CreateMemoryInfo, (const char*, int, int, int, OrtMemoryInfo**))                                    \
  X(69, OrtStatus*, CreateCpuMemoryInfo, (int, int, OrtMemoryInfo**))                                                   \
  X(76, OrtStatus*, AllocatorFree, (OrtAllocator*, void*))                                                              \
  X(78, OrtStatus*, GetAllocatorWithDefaultOptions, (OrtAllocator**))                                                   \
  X(86, OrtStatus*, KernelInfoGetAttribute_int64, (const OrtKernelInfo*, const char*, int64_t*))                        \
  X(85, OrtStatus*, KernelInfoGetAttribute_float, (const OrtKernelInfo*, const char*, float*))                          \
  X(88, OrtStatus*, KernelContext_GetInputCount, (const OrtKernelContext*, size_t*))                                    \
  X(89, OrtStatus*, KernelContext_GetOutputCount, (const OrtKernelContext*, size_t*))                                   \
  X(90, OrtStatus*, KernelContext_GetInput, (const OrtKernelContext*, size_t, const OrtValue**))                        \
  X(91, OrtStatus*, KernelContext_GetOutput, (OrtKernelContext*, size_t, const int64_t*, size_t, OrtValue**))           \
  X(93, void, ReleaseStatus, (OrtStatus*))                                                                              \
  X(95, void, ReleaseSession, (OrtSession*))                                                                            \
  X(96, void, ReleaseValue, (OrtValue*))                                                                                \
  X(97, void, ReleaseRunOptions, (OrtRunOptions*))                                                                      \
  X(98, void, ReleaseTypeInfo, (OrtTypeInfo*))                                                                          \
  X(99, void, ReleaseTensorTypeAndShapeInfo, (OrtTensorTypeAndShapeInfo*))                                              \
  X(100, void, ReleaseSessionOptions, (OrtSessionOptions*))                                                             \
  X(110, OrtStatus*, SessionEndProfiling, (OrtSession*, OrtAllocator*, char**))                                         \
  X(125, OrtStatus*, GetAvailableProviders, (char***, int*))                                                            \
  X(126, OrtStatus*, ReleaseAvailableProviders, (char**, int))                                                          \
  X(130, OrtStatus*, AddSessionConfigEntry, (OrtSessionOptions*, const char*, const char*))                             \
  X(133, OrtStatus*, RunWithBinding, (OrtSession*, const OrtRunOptions*, const OrtIoBinding*))                          \
  X(134, OrtStatus*, CreateIoBinding, (OrtSession*, OrtIoBinding**))                                                    \
  X(135, void, ReleaseIoBinding, (OrtIoBinding*))                                                                       \
  X(136, OrtStatus*, BindInput, (OrtIoBinding*, const char*, const OrtValue*))                                          \
  X(137, OrtStatus*, BindOutput, (OrtIoBinding*, const char*, const OrtValue*))                                         \
  X(138, OrtStatus*, BindOutputToDevice, (OrtIoBinding*, const char*, const OrtMemoryInfo*))                            \
  X(140, OrtStatus*, GetBoundOutputValues, (const OrtIoBinding*, OrtAllocator*, OrtValue***, size_t*))                  \
  X(165, OrtStatus*, AddRunConfigEntry, (OrtRunOptions*, const char*, const char*))                                     \
  X(216, OrtStatus*, SessionOptionsAppendExecutionProvider,                                                             \
    (OrtSessionOptions*, const char*, const char* const*, const char* const*, size_t))                                  \
  X(204, OrtStatus*, SessionOptionsAppendExecutionProvider_CUDA_V2, (OrtSessionOptions*, const void*))                  \
  X(205, OrtStatus*, CreateCUDAProviderOptions, (void**))                                                               \
  X(206, OrtStatus*, UpdateCUDAProviderOptions, (void*, const char* const*, const char* const*, size_t))                \
  X(208, void, ReleaseCUDAProviderOptions, (void*))                                                                     \
  X(162, OrtStatus*, KernelInfoGetAttributeArray_float, (const OrtKernelInfo*, const char*, float*, size_t*))            \
  X(163, OrtStatus*, KernelInfoGetAttributeArray_int64, (const OrtKernelInfo*, const char*, int64_t*, size_t*))          \
  X(101, void, ReleaseCustomOpDomain, (OrtCustomOpDomain*))                                                             \
  X(274, OrtStatus*, KernelContext_ParallelFor,                                                                         \
    (const OrtKernelContext*, void (*)(void*, size_t), size_t, size_t, void*))                                          \
  X(390, bool, TensorTypeAndShape_HasShape, (const OrtTensorTypeAndShapeInfo*))

struct Functions {
#define FLATMIN_DECLARE(slot, result, name, arguments) result(ORT_CALL* name) arguments;
  FLATMIN_ORT_FUNCTIONS(FLATMIN_DECLARE)
#undef FLATMIN_DECLARE

  explicit Functions(void* const* table) {
#define FLATMIN_RESOLVE(slot, result, name, arguments) name = reinterpret_cast<decltype(name)>(table[slot]);
    FLATMIN_ORT_FUNCTIONS(FLATMIN_RESOLVE)
#undef FLATMIN_RESOLVE
  }
};

struct ApiBase {
  void* const*(ORT_CALL* GetApi)(uint32_t version);
  const char*(ORT_CALL* GetVersionString)();
};

}  // namespace flatmin::ort
