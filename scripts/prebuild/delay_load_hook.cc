// Node's functions are those of the program that loads the addon, whatever its file is called (Electron's has another name); or of
// libnode.dll, where Node is built as a library.
#include <windows.h>

#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI load_node(unsigned event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "NODE.EXE") != 0) return nullptr;
  const HMODULE library = GetModuleHandleW(L"libnode.dll");
  return reinterpret_cast<FARPROC>(library ? library : GetModuleHandleW(nullptr));
}

extern "C" PfnDliHook __pfnDliNotifyHook2 = load_node;
