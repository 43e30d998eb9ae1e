// The component on wasmtime, with the functions that core/contract/HOSTS.md has for the module.
#include <string.h>
#include <wasmtime.h>

typedef struct {
  wasmtime_store_t *store;
  wasmtime_component_instance_t instance;
  int lost;
  char *effect; // the last one
} host;

typedef wasmtime_component_t *program;

static program program_read(wasm_engine_t *engine, const uint8_t *bytes, size_t n) {
  wasmtime_component_t *component = NULL;
  return wasmtime_component_new(engine, bytes, n, &component) ? NULL : component;
}

static int host_start(host *h, wasm_engine_t *engine, program component) {
  free(h->effect);
  *h = (host){.store = wasmtime_store_new(engine, NULL, NULL)};
  wasmtime_component_linker_t *linker = wasmtime_component_linker_new(engine); // nothing is imported
  int ok = !wasmtime_component_linker_instantiate(linker, wasmtime_store_context(h->store), component, &h->instance);
  wasmtime_component_linker_delete(linker);
  return ok;
}

static wasmtime_component_val_t call(host *h, const char *name, wasmtime_component_val_t *args, size_t n, size_t results) {
  wasmtime_context_t *context = wasmtime_store_context(h->store);
  wasmtime_component_val_t result = {.kind = WASMTIME_COMPONENT_U32};
  wasmtime_component_func_t f;
  wasmtime_component_export_index_t *index = wasmtime_component_instance_get_export_index(&h->instance, context, NULL, name, strlen(name));
  if (h->lost || !index || !wasmtime_component_instance_get_func(&h->instance, context, index, &f) ||
      wasmtime_component_func_call(&f, context, args, n, &result, results) || wasmtime_component_func_post_return(&f, context))
    h->lost = 1;
  if (index) wasmtime_component_export_index_delete(index);
  return result;
}

static wasmtime_component_val_t u32(uint32_t n) { return (wasmtime_component_val_t){.kind = WASMTIME_COMPONENT_U32, .of.u32 = n}; }

static uint32_t send(host *h, uint32_t handle, const char *message, uint32_t n) {
  wasmtime_component_val_t list = {.kind = WASMTIME_COMPONENT_LIST};
  wasmtime_component_vallist_new_uninit(&list.of.list, n);
  for (uint32_t i = 0; i < n; i++) list.of.list.data[i] = (wasmtime_component_val_t){.kind = WASMTIME_COMPONENT_U8, .of.u8 = (uint8_t)message[i]};
  wasmtime_component_val_t args[] = {u32(handle), list};
  uint32_t result = (handle ? call(h, "input", args, 2, 1) : call(h, "open", args + 1, 1, 1)).of.u32;
  wasmtime_component_vallist_delete(&list.of.list);
  return result;
}

static const char *host_effect(host *h, uint32_t handle, uint32_t *n) {
  wasmtime_component_val_t arg = u32(handle), result = call(h, "effect", &arg, 1, 1);
  if (h->lost || result.kind != WASMTIME_COMPONENT_LIST) return NULL;
  h->effect = realloc(h->effect, result.of.list.size + 1);
  for (size_t i = 0; i < result.of.list.size; i++) h->effect[i] = (char)result.of.list.data[i].of.u8;
  *n = (uint32_t)result.of.list.size;
  wasmtime_component_vallist_delete(&result.of.list);
  return *n ? h->effect : NULL;
}

static void host_close(host *h, uint32_t handle) {
  wasmtime_component_val_t arg = u32(handle);
  call(h, "close", &arg, 1, 0);
}
