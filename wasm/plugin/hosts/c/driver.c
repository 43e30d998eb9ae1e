// Speaks for a host in C: frames come on standard input, answers go to standard output (plugin_test.go has the other end).
// A frame is a verb, a handle (u32) and a text with its length (u32) before it; an answer is a number (i32), or a text with its length.
//   n new instance, o open, i input, e effect, c close
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef COMPONENT
#include "component.c"
#else
#include "host.c"

typedef wasmtime_module_t *program;

static program program_read(wasm_engine_t *engine, const uint8_t *bytes, size_t n) {
  wasmtime_module_t *module = NULL;
  return wasmtime_module_new(engine, bytes, n, &module) ? NULL : module;
}
#endif

static uint32_t number(void) {
  uint32_t n;
  if (fread(&n, 4, 1, stdin) != 1) exit(0);
  return n;
}

static void say(uint32_t n, const char *text) {
  fwrite(&n, 4, 1, stdout);
  if (text) fwrite(text, 1, n, stdout);
  fflush(stdout);
}

int main(int argc, char **argv) {
  FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (!file) return 2;
  uint8_t *bytes = malloc(1 << 22);
  size_t length = fread(bytes, 1, 1 << 22, file);
  wasm_config_t *config = wasm_config_new();
  wasm_engine_t *engine = wasm_engine_new_with_config(config);
  program p = program_read(engine, bytes, length);
  if (!p) return 3;
  host *h = calloc(1, sizeof *h);
  for (int verb; (verb = getchar()) != EOF;) {
    uint32_t handle = number(), n = number();
    char *text = malloc(n + 1);
    if (n && fread(text, 1, n, stdin) != n) return 0;
    switch (verb) {
    case 'n':
      if (h->store) wasmtime_store_delete(h->store);
      say(host_start(h, engine, p), NULL);
      break;
    case 'o':
    case 'i': {
      uint32_t result = send(h, verb == 'o' ? 0 : handle, text, n);
      say(h->lost ? (uint32_t)-1 : result, NULL);
      break;
    }
    case 'e': {
      uint32_t size = 0;
      const char *effect = host_effect(h, handle, &size);
      say(effect ? size : 0, effect);
      break;
    }
    case 'c':
      host_close(h, handle);
      say(0, NULL);
      break;
    }
    free(text);
  }
  return 0;
}
