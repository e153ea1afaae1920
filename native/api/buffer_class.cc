// DeviceBuffer: zero-filled memory, of the CPU or of a GPU, that sessions read and write in place.
#include <cstdint>

#include "addon.h"
#include "getter.h"

namespace flatmin {
namespace {

class DeviceBuffer : public Napi::ObjectWrap<DeviceBuffer> {
 public:
  static constexpr napi_type_tag tag{0x6f1c3a52d4b94e08, 0x9b7d2e41f05c8a63};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "DeviceBuffer",
                       {InstanceMethod("view", &DeviceBuffer::view), InstanceMethod("write", &DeviceBuffer::write),
                        InstanceMethod("read", &DeviceBuffer::read), InstanceMethod("dispose", &DeviceBuffer::dispose),
                        getter<DeviceBuffer, &DeviceBuffer::byte_length>("byteLength"),
                        getter<DeviceBuffer, &DeviceBuffer::device>("device")});
  }

  // new DeviceBuffer(bytes), or internally (External<View>, whether the buffer is its storage's first)
  explicit DeviceBuffer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DeviceBuffer>(info) {
    info.This().As<Napi::Object>().TypeTag(&tag);
    if (info[0].IsExternal()) {
      view_ = *info[0].As<Napi::External<View>>().Data();
      if (info[1].ToBoolean()) report(info.Env());
      return;
    }
    auto bytes = static_cast<size_t>(number_argument(info[0], "byteLength", 0, 9007199254740991.0));
    guarded(info.Env(), [&] {
      try {
        view_ = {std::make_shared<CpuStorage>(bytes), 0, bytes};
        report(info.Env());
      } catch (const std::bad_alloc&) {
        throw std::runtime_error("cannot allocate " + std::to_string(bytes) + " bytes");
      }
    });
  }

  void Finalize(Napi::Env env) override { release(env); }

  // V8 collects dropped buffers in time only if it knows of their memory.
  void report(Napi::Env env) {
    reported_ = static_cast<int64_t>(view_.bytes);
    Napi::MemoryManagement::AdjustExternalMemory(env, reported_);
  }

  void release(Napi::Env env) {
    if (reported_) Napi::MemoryManagement::AdjustExternalMemory(env, -reported_);
    reported_ = 0;
  }

  View live(Napi::Env env, const char* what) const {
    if (!view_.storage) throw Napi::Error::New(env, std::string(what) + " has been disposed");
    return view_;
  }

 private:
  Napi::Value byte_length(Napi::Env env) { return Napi::Number::New(env, static_cast<double>(view_.bytes)); }
  Napi::Value device(Napi::Env env) { return Napi::String::New(env, live(env, "the buffer").storage->device()); }

  Napi::Value view(const Napi::CallbackInfo& info) {
    View whole = live(info.Env(), "the buffer");
    auto offset = static_cast<size_t>(number_argument(info[0], "byteOffset", 0, static_cast<double>(whole.bytes)));
    auto bytes = static_cast<size_t>(number_argument(info[1], "byteLength", 0, static_cast<double>(whole.bytes - offset)));
    return wrap_view(info.Env(), {whole.storage, whole.offset + offset, bytes});
  }

  std::pair<std::byte*, size_t> host_bytes(const Napi::CallbackInfo& info) {
    if (info[0].IsTypedArray()) {
      auto array = info[0].As<Napi::TypedArray>();
      napi_value backing;
      size_t offset, length;
      napi_typedarray_type type;
      void* data = nullptr;
      if (napi_get_typedarray_info(info.Env(), array, &type, &length, &data, &backing, &offset) == napi_ok) {
        return {static_cast<std::byte*>(data), array.ByteLength()};
      }
    }
    if (info[0].IsDataView()) {
      auto array = info[0].As<Napi::DataView>();
      return {static_cast<std::byte*>(array.Data()), array.ByteLength()};
    }
    throw Napi::TypeError::New(info.Env(), "the host data must be a typed array or a DataView");
  }

  // The part of the storage that `bytes` host bytes are copied to or from.
  View window(const Napi::CallbackInfo& info, size_t bytes) {
    View whole = live(info.Env(), "the buffer");
    size_t offset = info[1].IsUndefined() ? 0 : static_cast<size_t>(number_argument(info[1], "byteOffset", 0, 9007199254740991.0));
    if (offset > whole.bytes || bytes > whole.bytes - offset) {
      throw Napi::RangeError::New(info.Env(), std::to_string(bytes) + " bytes at offset " + std::to_string(offset) +
                                                  " do not fit a buffer of " + std::to_string(whole.bytes) + " bytes");
    }
    return {whole.storage, whole.offset + offset, bytes};
  }

  void write(const Napi::CallbackInfo& info) {
    auto [data, bytes] = host_bytes(info);
    View target = window(info, bytes);
    if (bytes) guarded(info.Env(), [&, from = data] { target.storage->write(target.offset, from, target.bytes); });
  }

  void read(const Napi::CallbackInfo& info) {
    auto [data, bytes] = host_bytes(info);
    View source = window(info, bytes);
    if (bytes) guarded(info.Env(), [&, to = data] { source.storage->read(source.offset, to, source.bytes); });
  }

  void dispose(const Napi::CallbackInfo& info) {
    release(info.Env());
    view_ = {};
  }

  View view_;
  int64_t reported_ = 0;  // bytes that V8 has been told of
};

// heldBytes(): number
Napi::Value held_bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(CpuStorage::held())); }

}  // namespace

void export_buffer(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DeviceBuffer::define(env);
  env.GetInstanceData<AddonData>()->buffer = Napi::Persistent(constructor);
  exports.Set("DeviceBuffer", constructor);
  exports.Set("heldBytes", Napi::Function::New(env, held_bytes, "heldBytes"));
}

View view_of(const Napi::Value& value, const char* what) {
  if (!is_a<DeviceBuffer>(value)) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a DeviceBuffer");
  return Napi::ObjectWrap<DeviceBuffer>::Unwrap(value.As<Napi::Object>())->live(value.Env(), what);
}

void require_floats(Napi::Env env, const View& view, const char* what) {
  if (reinterpret_cast<uintptr_t>(view.data()) % alignof(float) == 0) return;
  throw Napi::RangeError::New(env, std::string(what) + " begins at byte " + std::to_string(view.offset) + " of its memory, which is no multiple of 4");
}

View host_floats_of(const Napi::Value& value, const char* what) {
  View view = view_of(value, what);
  if (!view.storage->on_host()) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be in CPU memory, but is on " + view.storage->device());
  }
  require_floats(value.Env(), view, what);
  return view;
}

Napi::Object wrap_view(Napi::Env env, const View& view) {
  return env.GetInstanceData<AddonData>()->buffer.New({Napi::External<View>::New(env, const_cast<View*>(&view))});
}

Napi::Object wrap_storage(Napi::Env env, std::shared_ptr<Storage> storage) {
  View view{storage, 0, storage->bytes()};
  return env.GetInstanceData<AddonData>()->buffer.New({Napi::External<View>::New(env, &view), Napi::Boolean::New(env, true)});
}

}  // namespace flatmin
