// What the resolvers of functions with clones (native/base/vectorize.h) read, in place of zig's, which has no processor better than the
// plainest. Names and bits are those of libgcc and compiler-rt: of the features from 32 on, x86-64-v3 is number 97, x86-64-v4 98.
#include "../../native/base/x86.h"

extern "C" {

struct CpuModel {
  unsigned vendor, type, subtype, features[1];
};
__attribute__((visibility("hidden"))) CpuModel __cpu_model = {};
__attribute__((visibility("hidden"))) unsigned __cpu_features2[4] = {};

// Called before anything is bound, so it calls nothing.
__attribute__((visibility("hidden"))) int __cpu_indicator_init() {
  const flatmin::x86::Features has = flatmin::x86::features();
  __cpu_features2[2] = has.v3 << 1 | has.v4 << 2;
  return 0;
}

}
