// Getters of N-API classes. Node has V8 check the receivers of methods, but not those of getters.
#pragma once

#include <napi.h>

namespace flatmin {

// Told apart from other objects by tag: a prototype can be borrowed. Class has a napi_type_tag `tag`, put on in its constructor.
template <typename Class>
bool is_a(const Napi::Value& value) {
  return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&Class::tag);
}

template <typename Class, Napi::Value (Class::*get)(Napi::Env)>
Napi::Value checked_get(const Napi::CallbackInfo& info) {
  if (!is_a<Class>(info.This())) throw Napi::TypeError::New(info.Env(), "Illegal invocation");
  return (Napi::ObjectWrap<Class>::Unwrap(info.This().template As<Napi::Object>())->*get)(info.Env());
}

// For DefineClass.
template <typename Class, Napi::Value (Class::*get)(Napi::Env)>
Napi::ClassPropertyDescriptor<Class> getter(const char* name) {
  return Napi::ClassPropertyDescriptor<Class>(Napi::PropertyDescriptor::Accessor<&checked_get<Class, get>>(name));
}

}  // namespace flatmin
