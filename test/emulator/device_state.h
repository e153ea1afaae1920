// What the emulated driver and a compiled kernel share: one is exported by every compiled module.
#pragma once

struct EmulatorIndex {
  unsigned x, y, z;
};

enum EmulatorScope : int { kWarp, kBlock };

struct EmulatorState {
  EmulatorIndex thread, block, block_size, grid_size;  // of the thread that runs now
  void (*wait)(int scope);                             // until the other threads of the scope wait too, or have ended
  unsigned long long exchange[1024];                   // warp shuffles: one slot a thread of the block
};

// The head of a module's image; the bytes of a shared library follow.
struct EmulatorImage {
  char magic[24];
  unsigned architecture;  // as 90
  unsigned exact;         // 1: machine code of that architecture, 0: for it and later ones
  unsigned long long bytes;
};
#define EMULATOR_IMAGE_MAGIC "emulated kernels"
