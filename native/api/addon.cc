#include "addon.h"

#include <cmath>

namespace flatmin {
namespace {

class AsyncTask : public Napi::AsyncWorker {
 public:
  AsyncTask(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)), result_(std::move(result)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { work_(); }  // Napi::AsyncWorker turns std::exception into OnError
  void OnOK() override {
    Napi::HandleScope scope(Env());
    try {
      deferred_.Resolve(result_(Env()));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    } catch (const std::exception& error) {
      deferred_.Reject(Napi::Error::New(Env(), error.what()).Value());
    }
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<void()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
};

}  // namespace

Napi::Promise run_async(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result) {
  auto* task = new AsyncTask(env, std::move(work), std::move(result));
  Napi::Promise promise = task->promise();
  task->Queue();
  return promise;
}

std::string string_argument(const Napi::Value& value, const char* what) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

double number_argument(const Napi::Value& value, const char* what, double least, double most) {
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= least && number <= most) || number != std::floor(number)) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an integer from " + std::to_string(static_cast<int64_t>(least)) +
                                                " to " + std::to_string(static_cast<int64_t>(most)));
  }
  return number;
}

std::vector<int64_t> dims_argument(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an array of integers");
  auto array = value.As<Napi::Array>();
  constexpr uint32_t most_axes = 255;
  if (array.Length() > most_axes) throw Napi::TypeError::New(value.Env(), std::string(what) + " has more than " + std::to_string(most_axes) + " axes");
  std::vector<int64_t> dims(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    dims[i] = static_cast<int64_t>(number_argument(array.Get(i), what, 0, 9007199254740991.0));
  }
  return dims;
}

}  // namespace flatmin

Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new flatmin::AddonData);
  flatmin::export_buffer(env, exports);
  flatmin::export_session(env, exports);
  flatmin::export_compute(env, exports);
  flatmin::export_cuda(env, exports);
  flatmin::export_mpi(env, exports);
  return exports;
}

NODE_API_MODULE(flatmin, init_addon)
