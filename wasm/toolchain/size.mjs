// Prints raw, gzip and brotli of every file that a page loads, the Go tokens that each module is
// made from, and the bytes of code that each file of core adds to the module of pages.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const top = new URL('../../', import.meta.url).pathname;
const brotli = (b) => brotliCompressSync(b, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: b.length } }).length;
const row = (name, raw, gz, br) => console.log(`${name.padEnd(28)}${[raw, gz, br].map((n) => String(n).padStart(9)).join('')}`);

const measure = (file) => {
  const b = readFileSync(top + file);
  return [b.length, gzipSync(b, { level: 9 }).length, brotli(b)];
};
/** Prints files, and their sum where they are several. */
const table = (title, ...files) => {
  row(title, 'raw', 'gzip -9', 'brotli');
  const figures = files.map(measure);
  files.forEach((file, i) => row(file, ...figures[i]));
  if (files.length > 1) row('sum', ...[0, 1, 2].map((i) => figures.reduce((n, list) => n + list[i], 0)));
  console.log();
};
table('a page loads', 'wasm/oauth2.wasm', 'js/dist/index.js');
table('with all of the client', 'wasm/oauth2-full.wasm', 'js/dist/index.js', 'js/dist/full.js');
table('the edge', 'wasm/oauth2-edge.wasm');
// In a vault the worker's index.js is the page's, from the browser's cache.
table('with a vault, the page', 'js/dist/index.js', 'js/dist/vault.js');
table('and its worker or frame', 'wasm/oauth2.wasm', 'js/dist/index.js', 'js/dist/vault-worker.js');
table('or the worker of the package', 'wasm/oauth2.wasm', 'js/dist/vault-open.js');
table('silent sign-in, besides', 'js/dist/silent.js');
table('idle sign-out, besides', 'js/dist/idle.js');

// Go tokens of what each module is made from: a token is about a byte, packed.
for (const [tags, file] of [['page', 'oauth2.wasm'], ['', 'oauth2-full.wasm'], ['edge', 'oauth2-edge.wasm']]) {
  const tokens = execFileSync('go', ['run', './core/testrun/tokens', `tinygo,${tags}`], { cwd: top, encoding: 'utf8' });
  const [, , packed] = measure(`wasm/${file}`);
  console.log(`${file.padEnd(28)}${tokens.trim().padStart(9)} Go tokens, ${(packed / Number(tokens)).toFixed(2)} bytes each`);
}

// Code by file: a build that keeps the names of functions, run through the same passes.
const debug = `${top}build/size.wasm`;
execFileSync(`${top}wasm/toolchain/toolchain.sh`, ['names', debug], { stdio: 'inherit', env: { ...process.env, TAGS: 'page' } });
const b = readFileSync(debug);
let p = 8;
const u32 = () => {
  for (let r = 0, s = 0; ; s += 7) {
    const c = b[p++];
    r |= (c & 127) << s;
    if (c < 128) return r >>> 0;
  }
};
const sizes = [];
const names = new Map();
while (p < b.length) {
  const id = b[p++];
  const size = u32();
  const end = p + size;
  if (id === 10) {
    for (let n = u32(); n > 0; n--) {
      const s = u32();
      sizes.push(s);
      p += s;
    }
  } else if (id === 0) {
    const length = u32();
    if (b.toString('utf8', p, (p += length)) === 'name') {
      while (p < end) {
        const kind = b[p++];
        const stop = u32() + p;
        if (kind === 1) {
          for (let n = u32(); n > 0; n--) {
            const index = u32();
            const l = u32();
            names.set(index, b.toString('utf8', p, (p += l)));
          }
        }
        p = stop;
      }
    }
  }
  p = end;
}
const home = new Map();
for (const file of readdirSync(`${top}core`).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go') && !/^\/\/go:build !page/.test(readFileSync(`${top}core/${f}`, 'utf8')))) {
  for (const [, receiver, name] of readFileSync(`${top}core/${file}`, 'utf8').matchAll(/^func (?:\(\w+ \*?(\w+)\) )?(\w+)/gm)) {
    home.set(`${receiver ?? ''}.${name}`, `core/${file}`);
  }
}
const parts = new Map();
sizes.forEach((size, i) => {
  const name = names.get(i) ?? '';
  const internal = /core\/internal\/(\w+)/.exec(name);
  const own = /oauth2-wasm\/core(?:\.(\w+)\))?\.(\w+)/.exec(name);
  const part = internal ? `core/internal/${internal[1]}`
    : own ? (home.get(`${own[1] ?? ''}.${own[2]}`) ?? 'core')
      : /^main\.|wasmexport/.test(name) ? 'wasm/module (with open)' : 'runtime and libc';
  parts.set(part, (parts.get(part) ?? 0) + size);
});
console.log(`\n${'code in the module'.padEnd(28)}${'raw'.padStart(9)}   (a function used once counts where it is used)`);
for (const [part, size] of [...parts].sort((x, y) => y[1] - x[1])) console.log(`${part.padEnd(28)}${String(size).padStart(9)}`);
