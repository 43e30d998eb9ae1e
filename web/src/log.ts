import type { EffectEntry } from '../../js/src/index.js';
import { byId, byTestId, make, remember, remembered } from './dom.js';

/**
 * A line of the log: an effect, or something of the page's own (`command`, `fetch`). None holds
 * anything secret, so the tab may remember them.
 */
interface Line extends Partial<Omit<EffectEntry, 'kind'>> {
  kind: string;
  /** Unix time in milliseconds. */
  at: number;
  /** How many polls the line stands for. */
  times?: number;
}

/** As many lines as a person may want to scroll through. */
const MOST = 300;
const KEY = 'demo.effects';

const families: Record<string, string> = {
  command: 'command',
  fetch: 'page',
  http: 'net',
  'http-cancel': 'net',
  load: 'keep',
  store: 'keep',
  lock: 'wait',
  unlock: 'wait',
  timer: 'wait',
  'timer-cancel': 'wait',
  key: 'key',
  sign: 'key',
  verify: 'key',
};

const words: Record<string, string> = {
  load: 'read what is stored',
  store: 'write to the store',
  lock: 'wait for the refresh lock',
  unlock: 'let the lock go',
  'http-cancel': 'give up a request',
  'timer-cancel': 'forget a timer',
  timer: 'wake me later',
  key: 'the key of the session',
  sign: 'sign with that key',
  verify: 'check the server’s signature',
};

const panel = byTestId('effects');
const list = panel.firstElementChild!;

const read = (): Line[] => {
  try {
    return JSON.parse(remembered(KEY) ?? '[]');
  } catch {
    return [];
  }
};

let lines = read();

const pad = (n: number) => String(n).padStart(2, '0');

const clock = (at: number) => {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':');
};

const what = ({ kind, stage, method, url, name, times }: Line): HTMLElement => {
  const cell = make('span', { class: 'what' });
  if (url) cell.append(stage ? stage + ' ' : '', make('code', {}, `${method} ${url}`), times ? ` ×${times}` : '');
  else cell.append(kind === 'result' ? 'of ' : '', name?.replaceAll('_', ' ') ?? words[kind] ?? stage ?? '');
  return cell;
};

const row = (line: Line): HTMLElement => {
  const family = families[line.kind] ?? 'tell';
  return make(
    'li',
    { 'data-kind': line.kind, 'data-family': family },
    make('time', { datetime: new Date(line.at).toISOString() }, clock(line.at)),
    make('span', { class: 'kind', 'data-family': family }, line.kind),
    what(line),
    make('span', { class: 'ms' }, line.ms ? line.ms + ' ms' : ''),
  );
};

/** The newest line stays in view, unless the reader has scrolled up to an older one. */
const following = (change: () => void) => {
  const atEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 24;
  change();
  byId('log-empty').hidden = lines.length > 0;
  if (atEnd) panel.scrollTop = panel.scrollHeight;
};

/**
 * Polls in a row share one line: a device flow has many, with a timer and a signature before each.
 */
const fold = (line: Line): Line => {
  if (line.stage !== 'polling') return line;
  let last = lines.length - 1;
  while (lines[last]?.kind === 'timer' || lines[last]?.kind === 'sign') last--;
  const before = lines[last];
  if (before?.stage !== 'polling') return line;
  for (const _ of lines.splice(last)) list.lastElementChild?.remove();
  return { ...line, times: (before.times ?? 1) + 1 };
};

const add = (line: Line) => {
  following(() => {
    const folded = fold(line);
    lines.push(folded);
    list.append(row(folded));
    for (; lines.length > MOST; lines.shift()) list.firstElementChild?.remove();
  });
  remember(KEY, JSON.stringify(lines));
};

/** Adds an effect. The page asks for the status so often that its results would hide the others. */
export const logEffect = (entry: EffectEntry): void => {
  if (entry.kind === 'result' && entry.name === 'status') return;
  add(JSON.parse(JSON.stringify({ at: Date.now(), ...entry })));
};

/** Adds a request that the page sent itself, with the header that the module gave it. */
export const logFetch = (method: string, url: string, ms: number): void => add({ at: Date.now(), kind: 'fetch', method, url, ms });

/** Adds what the page asked of the module. */
export const logCommand = (name: string): void => add({ at: Date.now(), kind: 'command', name });

/** Shows what this tab remembers of the log, from before the way to the server and back. */
export const startLog = (): void => {
  following(() => list.append(...lines.map(row)));
  panel.scrollTop = panel.scrollHeight;
  byId('clear').addEventListener('click', () => {
    lines = [];
    remember(KEY, null);
    following(() => list.replaceChildren());
  });
};
