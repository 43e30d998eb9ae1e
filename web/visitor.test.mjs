// A visitor's way from `make demo` to a fault that was recovered, walked as a person does. How long
// it took is printed, and nothing depends on it. The names of the tests hold the ids of behaviours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../edge/dev/workerd.mjs';
import { start } from '../js/test/lib/process.mjs';
import { launch, root } from './testlib/tab.mjs';

test('D19 from make demo to a fault recovered takes three clicks', async (t) => {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1) + ' s';
  const { match, stop } = await start('make', ['demo'], /^ready: (http:\S+)$/, { cwd: root, env: { ...process.env, PORT: String(await freePort()) } });
  t.after(stop);
  t.diagnostic(`the address is printed after ${seconds()}`);
  const context = await (await launch()).newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(match[1]);
  let clicks = 0;
  for (const [name, at] of [
    ['Lose an answer', match[1]],
    ['Sign in', 'http://127.0.0.1:'],
    ['Allow', 'http://127.0.0.1:'],
  ]) {
    await page.waitForURL((url) => url.href.startsWith(at)); // both origins have a “Sign in”
    await page.getByRole('button', { name, exact: true }).and(page.locator(':enabled')).click();
    t.diagnostic(`click ${++clicks}, on “${name}”, after ${seconds()}`);
  }
  await page.getByText('Recovered.').waitFor();
  t.diagnostic(`a fault was recovered after ${clicks} clicks and ${seconds()}`);
  assert.match(await page.getByTestId('effects').innerText(), /refresh POST \/token ✕ network[\s\S]*refresh POST \/token 200/);
});
