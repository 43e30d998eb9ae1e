/**
 * The Worker in Go, as workerd runs it: go_wasm_exec.js is Go's own runtime (from GOROOT, put there
 * by build.sh), app.wasm the program beside this file. It is the output of the generator of
 * github.com/syumai/workers, plus the class of the Durable Object and the isolate's memory.
 */
import '../../build/goworker/go_wasm_exec.js';
import app from '../../build/goworker/app.wasm';

import { breakable } from '../worker/download.ts';
import { endable } from '../worker/endable.ts';
import { Memory } from 'oauth2-wasm/bff';
import { watched } from '../worker/upload.ts';

export { Sessions } from '../worker/object.ts';

/** A JavaScript function that the program calls. */
globalThis.watched = watched;
globalThis.breakable = breakable;
globalThis.endable = endable;

/** The isolate's memory between requests, each of which has its own instance. */
globalThis.remembered = new Map();
globalThis.memory = new Memory();

globalThis.tryCatch = (call) => {
  try {
    return { result: call() };
  } catch (error) {
    return { error };
  }
};

const nothing = { error: 'not_found', error_description: 'There is nothing here.' };
const refused = { status: 404, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } };

export default {
  async fetch(request, env, ctx) {
    // A percent sign that escapes nothing: Go does not accept such a path, and the library would
    // answer with a server error.
    if (/%(?![\da-f]{2})/i.test(new URL(request.url).pathname)) return Response.json(nothing, refused);
    const binding = {};
    const go = new globalThis.Go();
    await new Promise((ready, reject) => {
      const instance = new WebAssembly.Instance(app, { ...go.importObject, workers: { ready } });
      // The program reads it during its start, before anything else can run.
      globalThis.context = { env, ctx, binding };
      go.run(instance).catch(reject);
      globalThis.context = undefined;
    });
    const { body, status, headers } = await binding.handleRequest(request);
    // A compressed answer of an upstream server passes unchanged.
    return new Response(body, { status, headers, encodeBody: 'manual' });
  },
};
