// Mpi for JavaScript, and openMpi.
#include <atomic>

#include "../mpi/group.h"
#include "addon.h"
#include "getter.h"

namespace flatmin {
namespace {

// One for the process: its ranks' collectives are made in one order.
std::atomic<bool> talking{false};

class Mpi : public Napi::ObjectWrap<Mpi> {
 public:
  static constexpr napi_type_tag tag{0x3b9e50c7a1d84f26, 0x8d41f6720be9c35a};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Mpi",
                       {getter<Mpi, &Mpi::abi>("abi"), getter<Mpi, &Mpi::version>("version"), InstanceMethod("join", &Mpi::join),
                        InstanceMethod("sum", &Mpi::sum), InstanceMethod("broadcast", &Mpi::broadcast), InstanceMethod("barrier", &Mpi::barrier),
                        InstanceMethod("leave", &Mpi::leave), InstanceMethod("abort", &Mpi::abort)});
  }

  explicit Mpi(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Mpi>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "MPI is opened by openMpi()");
    info.This().As<Napi::Object>().TypeTag(&tag);
    group_ = *info[0].As<Napi::External<std::shared_ptr<mpi::Group>>>().Data();
  }

 private:
  Napi::Value abi(Napi::Env env) { return Napi::String::New(env, group_->abi()); }

  Napi::Value version(Napi::Env env) {
    return guarded(env, [&] { return Napi::String::New(env, group_->version()); });
  }

  Napi::Value join(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { group_->join(); });
    auto out = Napi::Object::New(info.Env());
    out.Set("rank", group_->rank());
    out.Set("size", group_->size());
    out.Set("localRank", group_->local_rank());
    return out;
  }

  Napi::Value sum(const Napi::CallbackInfo& info) {
    View view = host_floats_of(info[0], "buffer");
    auto type = string_argument(info[1], "type");
    if (type != "float32" && type != "float64") throw Napi::TypeError::New(info.Env(), "type must be 'float32' or 'float64'");
    auto element = type == "float32" ? mpi::Element::float32 : mpi::Element::float64;
    size_t bytes = element == mpi::Element::float32 ? sizeof(float) : sizeof(double);
    if (view.bytes % bytes || reinterpret_cast<uintptr_t>(view.data()) % bytes) {
      throw Napi::RangeError::New(info.Env(), "the buffer is no whole number of aligned " + type + " numbers");
    }
    return talk(info.Env(), [group = group_, view, element, count = static_cast<int64_t>(view.bytes / bytes)] {
      group->sum(view.data(), count, element);
    });
  }

  Napi::Value broadcast(const Napi::CallbackInfo& info) {
    View view = view_of(info[0], "buffer");
    if (!view.storage->on_host()) throw Napi::TypeError::New(info.Env(), "the buffer must be in CPU memory");
    require_joined(info.Env());
    int root = static_cast<int>(number_argument(info[1], "root", 0, group_->size() - 1));
    return talk(info.Env(), [group = group_, view, root] { group->broadcast(view.data(), static_cast<int64_t>(view.bytes), root); });
  }

  Napi::Value barrier(const Napi::CallbackInfo& info) {
    return talk(info.Env(), [group = group_] { group->barrier(); });
  }

  void leave(const Napi::CallbackInfo& info) {
    if (talking) throw Napi::Error::New(info.Env(), "the group cannot be left while its ranks talk");
    guarded(info.Env(), [&] { group_->leave(); });
  }

  void abort(const Napi::CallbackInfo& info) {
    int code = static_cast<int>(number_argument(info[0], "code", 0, 255));
    require_joined(info.Env());
    guarded(info.Env(), [&] { group_->abort(code); });
  }

  void require_joined(Napi::Env env) const {
    if (!group_->joined()) throw Napi::Error::New(env, "MPI has not been joined, or has been left");
  }

  Napi::Value talk(Napi::Env env, std::function<void()> work) {
    require_joined(env);
    if (talking.exchange(true)) throw Napi::Error::New(env, "the ranks talk already: await that first");
    struct End {
      ~End() { talking = false; }
    };
    return run_async(
        env,
        [work = std::move(work)] {
          End end;
          work();
        },
        [](Napi::Env env) { return env.Undefined(); });
  }

  std::shared_ptr<mpi::Group> group_;
};

// openMpi(path): Mpi
Napi::Value open_mpi(const Napi::CallbackInfo& info) {
  auto path = string_argument(info[0], "path");
  auto group = guarded(info.Env(), [&] { return mpi::Group::open(path); });
  return info.Env().GetInstanceData<AddonData>()->mpi.New({Napi::External<std::shared_ptr<mpi::Group>>::New(info.Env(), &group)});
}

}  // namespace

void export_mpi(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<AddonData>()->mpi = Napi::Persistent(Mpi::define(env));
  exports.Set("openMpi", Napi::Function::New(env, open_mpi, "openMpi"));
}

}  // namespace flatmin
