import { busy, byId, byTestId, make, setText } from './dom.js';
import type { Order, Reply } from './proof-worker.js';
import { loadSuites, replaySuites, type Result, type SuiteName, type Suites } from './replay.js';
import { showConversation, startScrubber } from './scrubber.js';
import { NotShareable } from './share.js';
import { fragment, visit } from './visit.js';

/** The columns of the table. */
const suites: [SuiteName, string][] = [
  ['page', 'Pages’ module'],
  ['client', 'Clients'],
  ['bff', 'Backends'],
  ['resource', 'Resources'],
];

/** The names of `make hosts`, and those for people. */
const hostNames: Record<string, string> = {
  'node-20': 'Node 20',
  'node-24': 'Node 24',
  deno: 'Deno',
  bun: 'Bun',
  workerd: 'workerd',
  wazero: 'wazero (Go)',
  'go-native': 'native Go',
  'go-wasip1': 'standard Go, WASI',
  chromium: 'Chromium',
  firefox: 'Firefox',
  webkit: 'WebKit',
  'chromium-dedicated-worker': 'a worker in Chromium',
  'chromium-shared-worker': 'a shared worker',
  'chromium-service-worker': 'a service worker',
  'extism-go': 'Extism (Go)',
  'extism-js': 'Extism (Node)',
  'component-jco': 'component, jco',
  'component-wasmtime': 'component, wasmtime',
  'c-wasmtime': 'C, wasmtime',
};
/** The hosts that have to be there. */
const wanted = ['node-24', 'deno', 'bun', 'workerd', 'wazero', 'go-native'];

/** A line of the file that `make hosts` writes. */
type Recorded = { host: string } & Partial<Record<SuiteName, { digest: string }>>;

/** The time limit for a conversation from elsewhere, in milliseconds. */
const LIMIT = 10_000;

const table = byTestId('hosts');
const verdict = byTestId('verdict');
/** Changes many times a second, so it is not read out. */
const progress = byTestId('progress');
const notice = byTestId('conversation-notice');

/** Lets a worker carry out an order, and ends it. */
const inWorker = (order: Order, limit?: number): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const worker = new Worker('proof-worker.js', { type: 'module' });
    const end = (settle: () => void) => {
      clearTimeout(clock);
      worker.terminate();
      settle();
    };
    const clock = limit && setTimeout(() => end(() => reject(new Error(`It took longer than ${limit / 1000} seconds and was ended.`))), limit);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => end(() => ('error' in data ? reject(new Error(data.error)) : resolve(data)));
    worker.onerror = ({ message }) => end(() => reject(new Error(message || 'The worker did not start.')));
    worker.postMessage(order);
  });

const row = (name: string, digests: Partial<Record<SuiteName, { digest: string }>>, here: Record<SuiteName, Result> | undefined) =>
  make(
    'tr',
    {},
    make('th', { scope: 'row' }, name),
    ...suites.map(([suite]) => {
      const digest = digests[suite]?.digest;
      if (!digest) return make('td', {}, make('span', { class: 'about' }, 'not run'));
      const equal = here && here[suite].digest === digest;
      return make('td', here ? { 'data-equal': String(equal) } : {}, make('code', { title: digest }, digest.slice(0, 12)), here ? (equal ? ' =' : ' ≠') : '');
    }),
  );

const readHosts = async (): Promise<Recorded[]> => {
  try {
    const { hosts = [] } = (await (await fetch('hosts.json')).json()) as { hosts?: Recorded[] };
    return hosts;
  } catch {
    return [];
  }
};

const sum = (results: Record<SuiteName, Result>, of: (result: Result) => number) =>
  suites.reduce((all, [suite]) => all + of(results[suite]), 0).toLocaleString('en');

const showDigests = (here: Record<SuiteName, Result>) =>
  byTestId('digests').replaceChildren(
    ...suites.map(([suite, words]) =>
      make(
        'div',
        {},
        make('dt', {}, `${words}: ${here[suite].conversations} conversations, ${here[suite].effects.toLocaleString('en')} effects`),
        make('dd', {}, make('code', {}, here[suite].digest)),
      ),
    ),
  );

const runAll = async () => {
  delete verdict.dataset.end;
  setText(verdict, 'Replaying all of them.');
  setText(progress, 'Loading …');
  const loaded = await loadSuites();
  const inThere = inWorker({ all: true });
  inThere.catch(() => {}); // is told below
  let turn = performance.now();
  const here = await replaySuites(loaded, async (suite, done, total) => {
    if (performance.now() - turn < 24) return;
    setText(progress, `${suites.find(([name]) => name === suite)![1]}, ${done} of ${total}`);
    await new Promise((resolve) => setTimeout(resolve)); // the page stays usable
    turn = performance.now();
  });
  const body = byTestId('host-rows');
  body.replaceChildren(row('This page', here, here));
  showDigests(here);
  const reply = await inThere;
  const there = 'results' in reply ? reply.results : undefined;
  if (there) body.append(row('A worker here', there, here));
  const hosts = (await readHosts()).filter(({ host }) => Object.hasOwn(hostNames, host));
  body.append(...hosts.map((host) => row(hostNames[host.host]!, host, here)));
  table.hidden = false;
  const missing = wanted.filter((name) => !hosts.some(({ host }) => host === name));
  byId('hosts-missing').hidden = !missing.length;
  setText(byId('hosts-missing-words'), missing.map((name) => hostNames[name]).join(', '));
  const differ = suites.flatMap(([suite]) => here[suite].differ);
  const others = [there, ...hosts].filter((other) => suites.some(([suite]) => other?.[suite] && other[suite].digest !== here[suite].digest));
  const well = !differ.length && !others.length;
  verdict.dataset.end = well ? 'well' : 'bad';
  setText(
    verdict,
    `${sum(here, (r) => r.conversations)} conversations, ${sum(here, (r) => r.inputs)} inputs, ${sum(here, (r) => r.effects)} effects in ${(suites.reduce((all, [suite]) => all + here[suite].ms, 0) / 1000).toFixed(1)} s. ` +
      (well
        ? 'Every effect is the recorded one, byte for byte, in each host that was run.'
        : differ.length
          ? `These differ here: ${differ.join(', ')}.`
          : `${others.length} hosts differ from this page: they may have run another version.`),
  );
  fill(loaded.suites);
};

let filled: Suites | undefined;

/** Offers the recorded conversations for a look. */
const fill = (all: Suites) => {
  if (filled) return;
  filled = all;
  const picker = byTestId<HTMLSelectElement>('pick');
  for (const [suite, words] of [
    ['client', 'Clients'],
    ['bff', 'Backends'],
    ['resource', 'Resources'],
  ] as const) {
    const group = make('optgroup', { label: words });
    group.append(...all[suite].map(({ name }) => make('option', { value: `${suite}/${name}` }, name.replaceAll('-', ' '))));
    picker.append(group);
  }
};

const tell = (text: string, bad = false) => {
  notice.toggleAttribute('data-bad', bad);
  setText(notice, text);
};

/** Shows a conversation from anywhere: the worker replays it, without carrying out effects. */
const show = async (name: string, order: Order): Promise<void> => {
  tell(`Replaying ${name} …`);
  byTestId('link-row').hidden = true;
  try {
    const reply = await inWorker(order, LIMIT);
    if (!('steps' in reply)) return;
    const { steps, text } = reply;
    showConversation(steps);
    byTestId('conversation-card').hidden = false;
    const differ = steps.filter(({ instead }) => instead !== undefined).length;
    let about = '';
    try {
      about = String((JSON.parse(text.slice(0, text.indexOf('\n'))) as { about?: unknown }).about ?? '');
    } catch {
      // the worker has looked at that line, too
    }
    tell(`${name}: ${about.slice(0, 400)} ${differ ? `This module says something else ${differ} times.` : 'Replayed here: equal, byte for byte.'}`, differ > 0);
  } catch (error) {
    byTestId('conversation-card').hidden = true; // it is of another conversation
    tell(`${name} cannot be replayed. ${(error as Error).message}`, true);
  }
};

const pick = async (value: string): Promise<void> => {
  const [suite, name] = value.split('/') as [keyof Suites, string];
  filled ?? fill((await loadSuites()).suites);
  const found = filled![suite]?.find((transcript) => transcript.name === name);
  if (found) await show(name.replaceAll('-', ' '), { text: found.text });
};

const ownVisit = async (use: (text: string) => Promise<void> | void) => {
  try {
    await use(await visit());
  } catch (error) {
    tell(error instanceof NotShareable ? error.message : `This visit cannot be shared. ${(error as Error).message}`, true);
  }
};

const download = (text: string) => {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  make('a', { href: url, download: 'visit.txt' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  tell('This visit is saved. Every secret in it has a stand-in, and it replays.');
};

const share = async (text: string) => {
  const link = `${location.origin}${location.pathname}#${await fragment(text)}`;
  byTestId<HTMLInputElement>('link').value = link;
  byTestId('link-row').hidden = false;
  await navigator.clipboard.writeText(link).then(
    () => tell(`The link is copied: ${link.length.toLocaleString('en')} characters. The conversation is in its fragment, which no server gets.`),
    () => tell('Copy the link below. The conversation is in its fragment, which no server gets.'),
  );
};

/** The most bytes of a file that are read. */
const MOST = 4_000_000;

const openFile = async (file: File | undefined) => {
  if (!file) return;
  byTestId<HTMLSelectElement>('pick').value = '';
  if (file.size > MOST) return tell(`${file.name} is longer than ${MOST.toLocaleString('en')} bytes.`, true);
  await show(file.name, { text: await file.text() });
};

/** Shows the conversation of a link. */
export const readFragment = (packed: string): Promise<void> => show('The conversation of this link', { packed });

let started = false;

/** Makes the proof work, once. */
export const startProof = (): void => {
  if (started) return;
  started = true;
  startScrubber();
  const on = (name: string, work: () => Promise<void> | void) => {
    const button = byTestId<HTMLButtonElement>(name);
    button.disabled = false; // a click before this would do nothing
    button.addEventListener('click', () => busy(button, async () => work()));
  };
  on('replay-all', () =>
    runAll()
      .catch((error) => {
        verdict.dataset.end = 'bad';
        setText(verdict, `That did not work: ${(error as Error).message}`);
      })
      .finally(() => setText(progress, '')),
  );
  const picker = byTestId<HTMLSelectElement>('pick');
  on('show-visit', () => {
    picker.value = '';
    return ownVisit((text) => show('This visit', { text }));
  });
  on('download-visit', () => ownVisit(download));
  on('share-visit', () => ownVisit(share));
  picker.disabled = false;
  picker.addEventListener(
    'focus',
    () =>
      void loadSuites().then(
        ({ suites }) => fill(suites),
        () => {},
      ),
    { once: true },
  );
  picker.addEventListener('change', () => picker.value && void pick(picker.value));
  const file = byTestId<HTMLInputElement>('file');
  file.addEventListener('change', () => void openFile(file.files?.[0]).then(() => (file.value = '')));
  const zone = byTestId('drop');
  for (const name of ['dragover', 'dragleave', 'drop'] as const)
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.toggleAttribute('data-over', name === 'dragover');
      if (name === 'drop') void openFile((event as DragEvent).dataTransfer?.files[0]);
    });
};
