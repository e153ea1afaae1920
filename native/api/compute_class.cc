// VectorProgram and the random fills for JavaScript.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "../kernels/region/program.h"
#include "../vectors/philox.h"
#include "../vectors/program.h"
#include "addon.h"

namespace flatmin {
namespace {

uint64_t uint64_argument(const Napi::Value& value, const char* what) {
  bool lossless = false;
  uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a bigint from 0 to 2^64 - 1");
  return number;
}

template <typename Array>
Array typed_array_argument(const Napi::Value& value, napi_typedarray_type type, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " has the wrong type of array");
  }
  return value.As<Array>();
}

// Flat pairs or triples of integers held as doubles: exact up to 2^53.
std::vector<uint64_t> integers_argument(const Napi::Value& value, size_t width, const char* what) {
  auto array = typed_array_argument<Napi::Float64Array>(value, napi_float64_array, what);
  if (array.ElementLength() % width != 0) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must hold " + std::to_string(width) + " numbers a range");
  }
  std::vector<uint64_t> out(array.ElementLength());
  for (size_t i = 0; i < out.size(); ++i) {
    double number = array[i];
    if (!(number >= 0 && number <= 9007199254740991.0) || number != std::floor(number)) {
      throw Napi::RangeError::New(value.Env(), std::string(what) + " holds something else than an integer from 0 to 2^53 - 1");
    }
    out[i] = static_cast<uint64_t>(number);
  }
  return out;
}

void require_inside(Napi::Env env, uint64_t first, uint64_t count, size_t elements) {
  if (first > elements || count > elements - first) {
    throw Napi::RangeError::New(env, "the range of " + std::to_string(count) + " elements at " + std::to_string(first) +
                                         " does not fit a buffer of " + std::to_string(elements) + " elements");
  }
}

unsigned threads_argument(const Napi::Value& value) { return static_cast<unsigned>(number_argument(value, "threads", 1, 4096)); }

class VectorProgramClass : public Napi::ObjectWrap<VectorProgramClass> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "VectorProgram", {InstanceMethod("run", &VectorProgramClass::run)});
  }

  // new VectorProgram(code: Uint32Array of [op, dst, a, b], { registers, slots, scalars, accumulators })
  explicit VectorProgramClass(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VectorProgramClass>(info) {
    auto code = typed_array_argument<Napi::Uint32Array>(info[0], napi_uint32_array, "code");
    if (code.ElementLength() % 4 != 0 || !info[1].IsObject()) {
      throw Napi::TypeError::New(info.Env(), "a vector program is built from quadruples and an object of sizes");
    }
    VectorCode program;
    for (size_t i = 0; i < code.ElementLength(); i += 4) program.instructions.push_back({code[i], code[i + 1], code[i + 2], code[i + 3]});
    auto sizes = info[1].As<Napi::Object>();
    auto size = [&](const char* name) { return static_cast<uint32_t>(number_argument(sizes.Get(name), name, 0, 65535)); };
    program.registers = size("registers");
    program.slots = size("slots");
    program.scalars = size("scalars");
    program.accumulators = size("accumulators");
    program_ = guarded(info.Env(), [&] { return std::make_shared<const VectorProgram>(std::move(program)); });
  }

 private:
  // run(slots: DeviceBuffer[], ranges: Float64Array of [first, count, scalar row], scalars: Float32Array, threads): Promise<Float64Array>
  Napi::Value run(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (!info[0].IsArray() || info[0].As<Napi::Array>().Length() != program_->code().slots) {
      throw Napi::TypeError::New(env, "the program needs an array of " + std::to_string(program_->code().slots) + " buffers");
    }
    auto list = info[0].As<Napi::Array>();
    std::vector<View> views;
    for (uint32_t i = 0; i < list.Length(); ++i) views.push_back(host_floats_of(list.Get(i), "a slot"));
    auto flat = integers_argument(info[1], 3, "ranges");
    auto scalars = typed_array_argument<Napi::Float32Array>(info[2], napi_float32_array, "scalars");
    std::vector<float> table(scalars.Data(), scalars.Data() + scalars.ElementLength());
    unsigned threads = threads_argument(info[3]);
    std::vector<VectorRange> ranges;
    for (size_t i = 0; i < flat.size(); i += 3) {
      if (views.empty()) require_inside(env, flat[i], flat[i + 1], 0);
      for (const View& view : views) require_inside(env, flat[i], flat[i + 1], view.bytes / sizeof(float));
      if ((flat[i + 2] + 1) * program_->code().scalars > table.size()) throw Napi::RangeError::New(env, "a range names a row the scalar table lacks");
      ranges.push_back({flat[i], flat[i + 1], static_cast<uint32_t>(flat[i + 2])});
    }
    auto results = std::make_shared<std::vector<double>>();
    return run_async(
        env,
        [program = program_, views, ranges, table, threads, results] {
          std::vector<float*> slots;
          for (const View& view : views) slots.push_back(reinterpret_cast<float*>(view.data()));
          *results = program->run(slots, ranges, table, threads);
        },
        [results](Napi::Env env) -> Napi::Value {
          auto out = Napi::Float64Array::New(env, results->size());
          std::copy(results->begin(), results->end(), out.Data());
          return out;
        });
  }

  std::shared_ptr<const VectorProgram> program_;
};

// fillNormal(buffer, ranges: Float64Array of [first, count], seed, stream, threads): Promise<number>, the sum of their squares
// Element i of the buffer receives number i of the stream; elements outside the ranges are left alone.
Napi::Value fill_normal(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  View view = host_floats_of(info[0], "buffer");
  auto ranges = integers_argument(info[1], 2, "ranges");
  uint64_t seed = uint64_argument(info[2], "seed");
  uint64_t stream = uint64_argument(info[3], "stream");
  unsigned threads = threads_argument(info[4]);
  for (size_t i = 0; i < ranges.size(); i += 2) require_inside(env, ranges[i], ranges[i + 1], view.bytes / sizeof(float));
  auto squares = std::make_shared<double>(0);
  return run_async(
      env,
      [view, ranges, seed, stream, threads, squares] {
        float* data = reinterpret_cast<float*>(view.data());
        for (size_t i = 0; i < ranges.size(); i += 2) *squares += normal_fill(data + ranges[i], ranges[i + 1], seed, stream, ranges[i], threads);
      },
      [squares](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, *squares); });
}

// normals(out: Float32Array, seed, stream, firstIndex, threads): void
void normals(const Napi::CallbackInfo& info) {
  auto out = typed_array_argument<Napi::Float32Array>(info[0], napi_float32_array, "out");
  uint64_t seed = uint64_argument(info[1], "seed"), stream = uint64_argument(info[2], "stream"), first = uint64_argument(info[3], "firstIndex");
  normal_fill(out.Data(), out.ElementLength(), seed, stream, first, threads_argument(info[4]));
}

// randomBits(out: Uint32Array, seed, stream, firstIndex, threads): void
void random_bits(const Napi::CallbackInfo& info) {
  auto out = typed_array_argument<Napi::Uint32Array>(info[0], napi_uint32_array, "out");
  uint64_t seed = uint64_argument(info[1], "seed"), stream = uint64_argument(info[2], "stream"), first = uint64_argument(info[3], "firstIndex");
  uniform_bits_fill(out.Data(), out.ElementLength(), seed, stream, first, threads_argument(info[4]));
}

}  // namespace

void export_compute(Napi::Env env, Napi::Object exports) {
  auto ops = Napi::Array::New(env, std::size(vector_signatures));
  for (uint32_t op = 0; op < std::size(vector_signatures); ++op) ops[op] = vector_signatures[op].name;
  exports.Set("vectorOps", ops);
  auto region_ops = Napi::Array::New(env, std::size(kernels::region::kOps));
  for (uint32_t op = 0; op < std::size(kernels::region::kOps); ++op) region_ops[op] = kernels::region::kOps[op].name;
  exports.Set("regionOps", region_ops);
  Napi::Function constructor = VectorProgramClass::define(env);
  exports.Set("VectorProgram", constructor);
  exports.Set("fillNormal", Napi::Function::New(env, fill_normal, "fillNormal"));
  exports.Set("normals", Napi::Function::New(env, normals, "normals"));
  exports.Set("randomBits", Napi::Function::New(env, random_bits, "randomBits"));
}

}  // namespace flatmin
