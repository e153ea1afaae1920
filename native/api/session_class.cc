// createSession, Session and Binding for JavaScript: argument checks and handles around session.h and binding.h.
#include "../base/shared_library.h"
#include "../ort/binding.h"
#include "addon.h"
#include "cuda_classes.h"
#include "getter.h"

namespace flatmin {
namespace {

Napi::Object describe_tensor(Napi::Env env, const TensorInfo& info) {
  auto out = Napi::Object::New(env);
  out.Set("name", info.name);
  out.Set("type", info.type);
  auto dims = Napi::Array::New(env, info.dims.size());
  for (uint32_t i = 0; i < info.dims.size(); ++i) {
    if (info.dims[i] >= 0) {
      dims.Set(i, Napi::Number::New(env, static_cast<double>(info.dims[i])));
    } else {
      dims.Set(i, Napi::String::New(env, info.symbols[i]));
    }
  }
  out.Set("dims", info.ranked ? dims.As<Napi::Value>() : env.Null());
  return out;
}

Napi::Array describe_tensors(Napi::Env env, const std::vector<TensorInfo>& infos) {
  auto out = Napi::Array::New(env, infos.size());
  for (uint32_t i = 0; i < infos.size(); ++i) out.Set(i, describe_tensor(env, infos[i]));
  return out;
}

ConfigEntries string_entries(const Napi::Value& value, const char* what) {
  ConfigEntries out;
  if (value.IsUndefined()) return out;
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an object of strings");
  auto object = value.As<Napi::Object>();
  auto names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    std::string key = names.Get(i).As<Napi::String>();
    out.emplace_back(key, string_argument(object.Get(key), what));
  }
  return out;
}

SessionOptions read_options(const Napi::Value& value) {
  SessionOptions options;
  if (value.IsUndefined()) return options;
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "the session options must be an object");
  auto object = value.As<Napi::Object>();
  auto integer = [&](const char* name, int fallback, int most) {
    auto given = object.Get(name);
    return given.IsUndefined() ? fallback : static_cast<int>(number_argument(given, name, 0, most));
  };
  options.intra_op_threads = integer("intraOpThreads", options.intra_op_threads, 4096);
  options.inter_op_threads = integer("interOpThreads", options.inter_op_threads, 4096);
  options.optimization_level = integer("optimizationLevel", options.optimization_level, 99);
  options.kernels = object.Get("kernels").ToBoolean();
  if (!object.Get("memoryPattern").IsUndefined()) options.memory_pattern = object.Get("memoryPattern").ToBoolean();
  if (!object.Get("memoryArena").IsUndefined()) options.memory_arena = object.Get("memoryArena").ToBoolean();
  if (!object.Get("profilePrefix").IsUndefined()) options.profile_prefix = string_argument(object.Get("profilePrefix"), "profilePrefix");
  options.config = string_entries(object.Get("config"), "config");
  if (!object.Get("exclusiveOn").IsUndefined()) options.exclusive_on = cuda::device_of(object.Get("exclusiveOn"), "exclusiveOn");
  auto providers = object.Get("providers");
  if (!providers.IsUndefined()) {
    if (!providers.IsArray()) throw Napi::TypeError::New(value.Env(), "providers must be an array of { name, options }");
    auto list = providers.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      if (!list.Get(i).IsObject()) throw Napi::TypeError::New(value.Env(), "providers must be an array of { name, options }");
      auto provider = list.Get(i).As<Napi::Object>();
      options.providers.emplace_back(string_argument(provider.Get("name"), "a provider's name"),
                                     string_entries(provider.Get("options"), "a provider's options"));
    }
  }
  return options;
}

class BindingClass : public Napi::ObjectWrap<BindingClass> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Binding",
                       {InstanceMethod("bindInput", &BindingClass::bind_input), InstanceMethod("bindOutput", &BindingClass::bind_output),
                        InstanceMethod("run", &BindingClass::run), InstanceMethod("fetch", &BindingClass::fetch),
                        InstanceMethod("dispose", &BindingClass::dispose)});
  }

  explicit BindingClass(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BindingClass>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "bindings are made by session.createBinding()");
    auto session = *info[0].As<Napi::External<std::shared_ptr<Session>>>().Data();
    auto run_config = string_entries(info[1], "the run configuration");
    guarded(info.Env(), [&] { binding_ = std::make_shared<Binding>(session, run_config); });
  }

 private:
  std::shared_ptr<Binding> live(Napi::Env env) const {
    if (!binding_) throw Napi::Error::New(env, "the binding has been disposed");
    return binding_;
  }

  void bind_input(const Napi::CallbackInfo& info) {
    auto binding = live(info.Env());
    auto name = string_argument(info[0], "name");
    auto view = view_of(info[1], "buffer");
    int type = static_cast<int>(number_argument(info[2], "type", 1, 64));
    auto dims = dims_argument(info[3], "dims");
    guarded(info.Env(), [&] { binding->bind_input(name, view, type, dims); });
  }

  void bind_output(const Napi::CallbackInfo& info) {
    auto binding = live(info.Env());
    auto name = string_argument(info[0], "name");
    if (info[1].IsUndefined()) return guarded(info.Env(), [&] { binding->bind_output(name); });
    auto view = view_of(info[1], "buffer");
    int type = static_cast<int>(number_argument(info[2], "type", 1, 64));
    auto dims = dims_argument(info[3], "dims");
    guarded(info.Env(), [&] { binding->bind_output(name, view, type, dims); });
  }

  Napi::Value run(const Napi::CallbackInfo& info) {
    auto binding = live(info.Env());
    guarded(info.Env(), [&] { binding->begin(); });
    return run_async(
        info.Env(),
        [binding] {
          struct End {
            Binding& binding;
            ~End() { binding.end(); }
          } end{*binding};
          binding->run();
        },
        [](Napi::Env env) { return env.Undefined(); });
  }

  Napi::Value fetch(const Napi::CallbackInfo& info) {
    auto binding = live(info.Env());
    auto values = guarded(info.Env(), [&] { return binding->fetch(); });
    auto out = Napi::Array::New(info.Env(), values.size());
    for (uint32_t i = 0; i < values.size(); ++i) {
      auto entry = describe_tensor(info.Env(), values[i].info);
      auto data = Napi::ArrayBuffer::New(info.Env(), values[i].bytes);
      guarded(info.Env(), [&] { values[i].copy_to(data.Data()); });
      entry.Set("data", data);
      out.Set(i, entry);
    }
    return out;
  }

  void dispose(const Napi::CallbackInfo&) { binding_.reset(); }

  std::shared_ptr<Binding> binding_;
};

class SessionClass : public Napi::ObjectWrap<SessionClass> {
 public:
  static constexpr napi_type_tag tag{0x2a9e64f07b1d4c35, 0x8c50f3ab1e76d294};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Session",
                       {InstanceMethod("createBinding", &SessionClass::create_binding), InstanceMethod("endProfiling", &SessionClass::end_profiling),
                        InstanceMethod("dispose", &SessionClass::dispose), getter<SessionClass, &SessionClass::inputs>("inputs"),
                        getter<SessionClass, &SessionClass::outputs>("outputs")});
  }

  explicit SessionClass(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SessionClass>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "sessions are made by createSession()");
    info.This().As<Napi::Object>().TypeTag(&tag);
    session_ = *info[0].As<Napi::External<std::shared_ptr<Session>>>().Data();
  }

 private:
  std::shared_ptr<Session> live(Napi::Env env) const {
    if (!session_) throw Napi::Error::New(env, "the session has been disposed");
    return session_;
  }

  Napi::Value create_binding(const Napi::CallbackInfo& info) {
    auto session = live(info.Env());
    auto& constructor = info.Env().GetInstanceData<AddonData>()->binding;
    return constructor.New({Napi::External<std::shared_ptr<Session>>::New(info.Env(), &session), info[0]});
  }

  Napi::Value end_profiling(const Napi::CallbackInfo& info) {
    auto session = live(info.Env());
    return Napi::String::New(info.Env(), guarded(info.Env(), [&] { return session->end_profiling(); }));
  }

  Napi::Value inputs(Napi::Env env) { return describe_tensors(env, live(env)->inputs()); }
  Napi::Value outputs(Napi::Env env) { return describe_tensors(env, live(env)->outputs()); }
  void dispose(const Napi::CallbackInfo&) { session_.reset(); }

  std::shared_ptr<Session> session_;
};

// createSession(libraryPath, model: Uint8Array, options?): Promise<Session>
Napi::Value create_session(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto path = string_argument(info[0], "libraryPath");
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(env, "model must be a Uint8Array");
  }
  auto bytes = info[1].As<Napi::Uint8Array>();
  auto model = std::make_shared<std::string>(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  auto options = std::make_shared<SessionOptions>(read_options(info[2]));
  auto session = std::make_shared<std::shared_ptr<Session>>();
  return run_async(
      env,
      [path, model, options, session] {
        *session = std::make_shared<Session>(Library::open(path), *model, *options);
        model->clear();
        model->shrink_to_fit();
      },
      [session](Napi::Env env) -> Napi::Value {
        return env.GetInstanceData<AddonData>()->session.New({Napi::External<std::shared_ptr<Session>>::New(env, session.get())});
      });
}

// describeLibrary(libraryPath): { version, providers }
Napi::Value describe_library(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto path = string_argument(info[0], "libraryPath");
  return guarded(env, [&]() -> Napi::Value {
    auto library = Library::open(path);
    auto out = Napi::Object::New(env);
    out.Set("version", library->version());
    auto names = library->providers();
    auto providers = Napi::Array::New(env, names.size());
    for (uint32_t i = 0; i < names.size(); ++i) providers.Set(i, names[i]);
    out.Set("providers", providers);
    return out;
  });
}

// loadLibrary(path): void
void load_library(const Napi::CallbackInfo& info) {
  auto path = string_argument(info[0], "path");
  guarded(info.Env(), [&] { SharedLibrary(path, SharedLibrary::Scope::global); });
}

}  // namespace

void export_session(Napi::Env env, Napi::Object exports) {
  auto* data = env.GetInstanceData<AddonData>();
  data->session = Napi::Persistent(SessionClass::define(env));
  data->binding = Napi::Persistent(BindingClass::define(env));
  exports.Set("createSession", Napi::Function::New(env, create_session, "createSession"));
  exports.Set("loadLibrary", Napi::Function::New(env, load_library, "loadLibrary"));
  exports.Set("describeLibrary", Napi::Function::New(env, describe_library, "describeLibrary"));
}

}  // namespace flatmin
