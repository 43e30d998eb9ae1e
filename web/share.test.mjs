// Making a visit shareable, with every recorded conversation: it replays, and contains none of the
// secrets. The tests' names contain the ids of behaviours.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runTranscripts } from '../js/test/suite/transcripts.js';
import { instantiate } from '../wasm_exec.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = async (file) => {
  const { outputFiles } = await build({ entryPoints: [join(root, 'web/src', file)], bundle: true, format: 'esm', write: false });
  return import('data:text/javascript,' + encodeURIComponent(outputFiles[0].text));
};
const { shareable, transcript } = await bundle('share.ts');
const module = await WebAssembly.compile(readFileSync(join(root, 'wasm/oauth2.wasm')));

/** Conversations of one handle, in the form that the demo records. */
const conversations = readdirSync(join(root, 'core/contract/client'))
  .filter((name) => name.endsWith('.txt'))
  .map((name) => ({
    name,
    lines: readFileSync(join(root, 'core/contract/client', name), 'utf8')
      .split('\n')
      .filter((line) => line && !line.startsWith('#')),
  }))
  .filter(
    ({ lines: [head, ...lines] }) =>
      /"profile":"page"/.test(head) && lines.filter((line) => /^(open|@) /.test(line)).length === 1 && lines[1] === '= 1' && !/"session":"/.test(lines[0]),
  )
  .map(({ name, lines }) => ({ name, lines: lines.slice(1) }));

/** Texts that are secrets in these conversations: tokens, codes, verifiers, states, proofs. */
const secretsOf = (lines) => {
  const text = lines.join('\n').replaceAll('\\"', '"');
  const named = [
    ...text.matchAll(/"(?:access_token|refresh_token|id_token|code_verifier|state|device_code|user_code|signature|entropy|nonce)":"([^"]{12,})"/g),
  ].map(([, secret]) => secret);
  return new Set([...named, ...[...text.matchAll(/[?&](?:code|state|code_verifier|refresh_token)=([\w.-]{12,})/g)].map(([, secret]) => secret)]);
};

test('D9 a visit made shareable replays, and none of its secrets is left', async (t) => {
  assert.ok(conversations.length > 40, String(conversations.length));
  const refused = [];
  for (const { name, lines } of conversations) {
    let made;
    try {
      made = await shareable(module, [lines]);
    } catch (error) {
      if (error.constructor.name !== 'NotShareable') throw new Error(name, { cause: error });
      refused.push(`${name}: ${error.message}`);
      continue;
    }
    const text = transcript(made, name);
    const { failures } = await runTranscripts(instantiate, module, [{ name, text }]);
    assert.deepEqual(failures, []);
    for (const secret of secretsOf(lines)) assert.ok(!text.includes(secret), `${name}: ${secret}`);
  }
  t.diagnostic(`${conversations.length - refused.length} of ${conversations.length}`);
  // A conversation that depends on the exact text of a secret is refused, and nothing of it is
  // given out.
  assert.ok(refused.length < conversations.length / 4, refused.join('\n'));
});
