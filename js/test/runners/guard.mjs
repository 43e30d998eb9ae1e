// Runs the suite of the check at the resource in the runtime that runs this file: Node, Deno or
// Bun. Its argument is the file for the result.
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import * as library from 'oauth2-wasm/resource';
import { runGuard } from '../suite/guard.js';

await writeFile(process.argv[2], JSON.stringify(await runGuard(library)));
