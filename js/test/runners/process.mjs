// Runs both suites in the runtime that runs this file: Node, Deno or Bun. Arguments: the host's
// name, the file with the suites' data, oauth2-edge.wasm, the file for the result.
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import process from 'node:process';
import * as library from 'oauth2-wasm';
import { instantiate } from 'oauth2-wasm/wasm_exec.js';
import { run } from '../suite/run.js';

const [host, data, edge, result] = process.argv.slice(2);
const packed = (name) => readFile(createRequire(import.meta.url).resolve(`oauth2-wasm/${name}`));
const [bytes, page] = [await packed('oauth2-full.wasm'), { bytes: await packed('oauth2.wasm') }];
const report = await run({ host, library, instantiate, bytes, page, edge: { bytes: await readFile(edge) }, data: JSON.parse(await readFile(data, 'utf8')) });
await writeFile(result, JSON.stringify(report, null, 2) + '\n');
