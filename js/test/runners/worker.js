// The suites in workerd: one request runs them all. A module is imported compiled, and its bytes
// are imported for the digest.
import * as library from 'oauth2-wasm';
import { instantiate } from 'oauth2-wasm/wasm_exec.js';
import module from 'oauth2-full.wasm';
import bytes from 'oauth2-full.bytes';
import page from 'oauth2.wasm';
import pageBytes from 'oauth2.bytes';
import edge from 'oauth2-edge.wasm';
import edgeBytes from 'oauth2-edge.bytes';
import { run } from '../suite/run.js';

export default {
  async fetch(request) {
    const data = await request.json();
    return Response.json(
      await run({
        host: 'workerd',
        library,
        instantiate,
        bytes,
        module,
        page: { bytes: pageBytes, module: page },
        edge: { bytes: edgeBytes, module: edge },
        data,
      }),
    );
  },
};
