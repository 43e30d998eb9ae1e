/**
 * The Worker in Go, as workerd runs it: go_wasm_exec.js is Go's own runtime (from GOROOT, put there
 * by build.sh), app.wasm the program beside this file. It is what the generator of
 * github.com/syumai/workers makes, with the class of the Durable Object, and memory that stays.
 */
import '../../build/goworker/go_wasm_exec.js';
import app from '../../build/goworker/app.wasm';

import { breakable } from '../worker/download.ts';
import { endable } from '../worker/endable.ts';
import { Memory } from 'oauth2-wasm/bff';
import { watched } from '../worker/upload.ts';

export { Sessions } from '../worker/object.ts';

/** What of JavaScript the program calls. */
globalThis.watched = watched;
globalThis.breakable = breakable;
globalThis.endable = endable;

/** What the isolate keeps between requests, each of which has an instance of its own. */
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
    // A percent sign that escapes nothing: Go reads no such path, and the library would say that
    // the fault is here.
    if (/%(?![\da-f]{2})/i.test(new URL(request.url).pathname)) return Response.json(nothing, refused);
    const binding = {};
    const go = new globalThis.Go();
    await new Promise((ready, reject) => {
      const instance = new WebAssembly.Instance(app, { ...go.importObject, workers: { ready } });
      // The program reads it while it is being started, before anything else can run.
      globalThis.context = { env, ctx, binding };
      go.run(instance).catch(reject);
      globalThis.context = undefined;
    });
    const { body, status, headers } = await binding.handleRequest(request);
    // What a server behind packed passes as it is.
    return new Response(body, { status, headers, encodeBody: 'manual' });
  },
};
