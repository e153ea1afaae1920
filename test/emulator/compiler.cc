// An NVRTC that compiles CUDA C++ for the emulated GPU with the host's compiler.
// Built with EMULATOR_CXX (the compiler), EMULATOR_SOURCES (this folder) and EMULATOR_CACHE (a folder for what is compiled).
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "device_state.h"

namespace {

constexpr int kCompilation = 6, kInvalidInput = 3, kInvalidOption = 5, kInvalidProgram = 4;
constexpr int kArchitectures[] = {75, 80, 86, 89, 90, 100, 120};

struct Program {
  std::string source, log, image;
  bool exact = false;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

// FNV-1a
uint64_t hash(const std::string& text) {
  uint64_t value = 14695981039346656037ull;
  for (unsigned char c : text) value = (value ^ c) * 1099511628211ull;
  return value;
}

// The source as C++, with what launches each kernel.
std::string translated(const std::string& source) {
  std::ostringstream out;
  // Types that NVRTC does not know without headers.
  out << "#include \"prelude.h\"\n"
         "#pragma GCC poison int8_t uint8_t int16_t uint16_t int32_t uint32_t int64_t uint64_t uintptr_t\n"
         "#line 1 \"flatmin.cu\"\n"
      << source << "\n";
  static const std::regex kernel(R"(__global__\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\()");
  for (std::sregex_iterator match(source.begin(), source.end(), kernel), end; match != end; ++match) {
    std::string name = (*match)[1];
    out << "extern \"C\" void emulator_launch_" << name << "(void** values) { emulator_call(" << name << ", values); }\n"
        << "extern \"C\" int emulator_parameter_" << name << "(size_t i) { return emulator_parameter(" << name << ", i); }\n";
  }
  return out.str();
}

// Several processes may compile the same at once: each renames a file of its own.
bool compile(const std::string& code, std::string& library, std::string& log) {
  std::string known = EMULATOR_CACHE "/" + std::to_string(hash(code)) + ".so";
  if (access(known.c_str(), R_OK) == 0) return library = read_file(known), true;
  static int serial = 0;
  std::string own = EMULATOR_CACHE "/" + std::to_string(getpid()) + "-" + std::to_string(__sync_fetch_and_add(&serial, 1));
  std::ofstream(own + ".cc") << code;
  std::string command = EMULATOR_CXX " -std=c++17 -O1 -w -fPIC -shared -ffp-contract=off -fno-strict-aliasing -Wl,-Bsymbolic -I'" EMULATOR_SOURCES
                                     "' '" + own + ".cc' -o '" + own + ".so' 2> '" + own + ".log'";
  bool compiled = std::system(command.c_str()) == 0;
  log = read_file(own + ".log");
  library = compiled ? read_file(own + ".so") : "";
  if (compiled) std::rename((own + ".so").c_str(), known.c_str());
  std::remove((own + ".cc").c_str());
  std::remove((own + ".log").c_str());
  return compiled;
}

// "--gpu-architecture=sm_90" or "compute_90"
bool read_architecture(const std::string& option, unsigned& architecture, bool& exact) {
  const std::string machine = "--gpu-architecture=sm_", portable = "--gpu-architecture=compute_";
  exact = option.compare(0, machine.size(), machine) == 0;
  if (!exact && option.compare(0, portable.size(), portable) != 0) return false;
  architecture = std::atoi(option.c_str() + (exact ? machine.size() : portable.size()));
  for (unsigned known : kArchitectures) {
    if (known == architecture) return true;
  }
  return false;
}

int give(const std::string& text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return 0;
}

}  // namespace

extern "C" {

const char* nvrtcGetErrorString(int result) {
  switch (result) {
    case kCompilation: return "NVRTC_ERROR_COMPILATION";
    case kInvalidInput: return "NVRTC_ERROR_INVALID_INPUT";
    case kInvalidOption: return "NVRTC_ERROR_INVALID_OPTION";
    case kInvalidProgram: return "NVRTC_ERROR_INVALID_PROGRAM";
    default: return "NVRTC_SUCCESS";
  }
}

int nvrtcGetNumSupportedArchs(int* count) {
  *count = std::size(kArchitectures);
  return 0;
}

int nvrtcGetSupportedArchs(int* out) {
  std::memcpy(out, kArchitectures, sizeof kArchitectures);
  return 0;
}

int nvrtcCreateProgram(Program** out, const char* source, const char*, int, const char* const*, const char* const*) {
  *out = new Program{source, {}, {}};
  return 0;
}

int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  EmulatorImage head = {};
  std::strcpy(head.magic, EMULATOR_IMAGE_MAGIC);
  for (int i = 0; i < count; ++i) {
    if (std::strncmp(options[i], "--gpu-architecture=", 19) == 0 && !read_architecture(options[i], head.architecture, program->exact)) {
      program->log = std::string("nvrtc: error: invalid value for --gpu-architecture: ") + options[i];
      return kInvalidOption;
    }
  }
  head.exact = program->exact;
  std::string library;
  if (!compile(translated(program->source), library, program->log)) return kCompilation;
  head.bytes = library.size();
  program->image = std::string(reinterpret_cast<const char*>(&head), sizeof head) + library;
  return 0;
}

int nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
  *bytes = program->log.size() + 1;
  return 0;
}

int nvrtcGetProgramLog(Program* program, char* out) {
  std::strcpy(out, program->log.c_str());
  return 0;
}

int nvrtcGetCUBINSize(Program* program, size_t* bytes) {
  if (!program->exact) return kInvalidProgram;
  *bytes = program->image.size();
  return 0;
}

int nvrtcGetPTXSize(Program* program, size_t* bytes) {
  if (program->exact) return kInvalidProgram;
  *bytes = program->image.size();
  return 0;
}

int nvrtcGetCUBIN(Program* program, char* out) { return program->exact ? give(program->image, out) : kInvalidProgram; }
int nvrtcGetPTX(Program* program, char* out) { return program->exact ? kInvalidProgram : give(program->image, out); }

int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return 0;
}
}
