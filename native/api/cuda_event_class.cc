// CudaEvent for JavaScript.
#include "../cuda/event.h"

#include "cuda_classes.h"

namespace flatmin::cuda {
namespace {

class CudaEvent : public Napi::ObjectWrap<CudaEvent> {
 public:
  explicit CudaEvent(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CudaEvent>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "events are made by device.record()");
    event_ = *info[0].As<Napi::External<std::shared_ptr<Event>>>().Data();
  }

  Napi::Value wait(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (guarded(env, [&] { return event_->passed(); })) {
      auto deferred = Napi::Promise::Deferred::New(env);
      deferred.Resolve(env.Undefined());
      return deferred.Promise();
    }
    return run_async(env, [event = event_] { event->wait(); }, [](Napi::Env env) { return env.Undefined(); });
  }

 private:
  std::shared_ptr<Event> event_;
};

}  // namespace

Napi::Function define_event(Napi::Env env) {
  return CudaEvent::DefineClass(env, "CudaEvent", {CudaEvent::InstanceMethod("wait", &CudaEvent::wait)});
}

}  // namespace flatmin::cuda
