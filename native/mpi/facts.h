// What the three binary interfaces of MPI differ in. Sources: mpi_abi.h and mpi.h of MPICH 5.0.2, mpi.h of Open MPI 5.0.11; MPI 5.0, appendix A.
#pragma once

#include <cstdint>

namespace flatmin::mpi {

// A constant: a number, or the address of a symbol that the library exports.
struct Constant {
  uintptr_t number = 0;
  const char* symbol = nullptr;
};

struct Facts {
  const char* name;
  Constant world, float32, float64, byte, sum, no_info, errors_return;
  intptr_t in_place;  // an address
  int thread_multiple, type_shared;
};

// Handles are pointers.
constexpr Facts kStandard{"standard", {0x101}, {0x210}, {0x214}, {0x247}, {0x21}, {0x130}, {0x143}, 1, 4096, 221};

// Handles are of 32 bits.
constexpr Facts kMpich{"mpich", {0x44000000}, {0x4c00040a}, {0x4c00080b}, {0x4c00010d}, {0x58000003}, {0x1c000000}, {0x54000001}, -1, 3, 1};

// Handles are pointers.
constexpr Facts kOpenMpi{"openmpi",
                         {0, "ompi_mpi_comm_world"},
                         {0, "ompi_mpi_float"},
                         {0, "ompi_mpi_double"},
                         {0, "ompi_mpi_byte"},
                         {0, "ompi_mpi_op_sum"},
                         {0, "ompi_mpi_info_null"},
                         {0, "ompi_mpi_errors_return"},
                         1,
                         3,
                         0};

constexpr int kErrorString = 512;     // the longest of all
constexpr int kVersionString = 8192;  // likewise
constexpr int64_t kMostElements = int64_t{1} << 30;  // in a call: counts are ints

}  // namespace flatmin::mpi
