import type { EffectEntry } from '../../js/src/index.js';
import { arrowItem, byArrowKeys, LANES, pretty, thingOf, wayOf } from './arrows.js';
import { byId, byTestId, make, remember, remembered } from './dom.js';
import { type Exchange, isQuiet } from './record.js';
import { sectionOf } from './sections.js';
import { struck, withoutSecrets } from './strike.js';

/** The state of a line: asked for, done, failed, or given up without an answer. */
type State = 'asked' | 'done' | 'failed' | 'gone';

/**
 * A line: an effect, or an action of the page. It contains no secret, because the tab remembers it.
 */
interface Line {
  id?: string;
  kind: string;
  state: State;
  /** Unix time in milliseconds. */
  at: number;
  name?: string | undefined;
  stage?: string | undefined;
  method?: string | undefined;
  url?: string | undefined;
  /** The kind of text under the key of the store. */
  thing?: string | undefined;
  /** The status, or the kind of failure. */
  outcome?: string | undefined;
  ms?: number | undefined;
  /** How many polls the line stands for. */
  times?: number;
  /** The name of another tab, if it is not this one's. */
  tab?: string | undefined;
  /** The messages, without their secrets. */
  messages?: string[];
}

/** The most lines that are shown. */
const MOST = 300;
/** The key under which the tab remembers the lines. */
let key = 'demo.lanes';

const words: Record<string, string> = {
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
const list = panel.firstElementChild as HTMLOListElement;

/** The messages of a line of this tab; a line of another tab brings its own. */
let messagesOf: (id: string) => Exchange | undefined = () => undefined;

const rows = new WeakMap<HTMLElement, Line>();
const lines: Line[] = [];
const items = new Map<Line, HTMLElement>();

const pad = (n: number) => String(n).padStart(2, '0');

const clock = (at: number) => {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':');
};

const path = (url: string) => {
  try {
    return new URL(url).pathname;
  } catch {
    return url;
  }
};

const what = ({ kind, stage, method, url, name, thing, times }: Line): string => {
  if (url) return `${stage ? stage.replaceAll('_', ' ') + ' ' : ''}${method} ${path(url)}${times ? ` ×${times}` : ''}`;
  if (kind === 'load') return `read ${thing ?? 'what is stored'}`;
  if (kind === 'store') return `write ${thing ?? 'what is stored'}`;
  return (kind === 'result' ? 'of ' : '') + (name?.replaceAll('_', ' ') ?? words[kind] ?? stage ?? '');
};

const took = ({ ms, state }: Line) => (state === 'asked' || !ms ? '' : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

const outcomes: Record<State, string> = { asked: 'waiting', done: '', failed: 'failed', gone: 'no answer' };

/** Draws a line, or updates it. */
const draw = (line: Line, item: HTMLElement): void => {
  const { state, tab } = line;
  item.dataset.kind = line.kind;
  item.dataset.state = state;
  const result = line.outcome ?? outcomes[state];
  const label = item.querySelector('.label')!;
  label.replaceChildren(
    ...(tab ? [make('span', { class: 'tab' }, tab), ' '] : []),
    make('span', { class: 'kind' }, line.kind),
    ' ',
    make('span', { class: 'what' }, what(line)),
    ' ',
    ...(result ? [make('span', { class: 'outcome' }, state === 'failed' ? '✕ ' + result : result), ' '] : []),
    make('span', { class: 'ms' }, took(line)),
  );
};

/** The messages of a line, without their secrets. */
const shown = (line: Line): string[] => {
  if (line.messages) return line.messages;
  const { asked, answered } = (line.id && messagesOf(line.id)) || {};
  return [asked && withoutSecrets(asked, struck), answered && withoutSecrets(answered, struck, asked)].filter((text) => text !== undefined);
};

const titles: Record<string, [string, string]> = {
  command: ['You tell the module', 'It answers'],
  fetch: ['The page sends', 'It gets'],
  event: ['The module tells the page', ''],
  result: ['The module answers', ''],
};

const detail = (line: Line): HTMLElement => {
  const section = sectionOf(line);
  const [first, second] = titles[line.kind] ?? ['The module asks', 'It is answered'];
  const messages = shown(line);
  const box = make('div', { class: 'detail' });
  box.append(make('p', {}, `${clock(line.at)} · ${LANES[wayOf(line.kind)[0]]} → ${LANES[wayOf(line.kind)[1]]}`));
  if (section)
    box.append(
      make('p', {}, 'Follows from ', section.url ? make('a', { href: section.url, target: '_blank', rel: 'noopener' }, section.title) : section.title),
    );
  messages.forEach((text, n) => box.append(make('p', { class: 'detail-head' }, n ? second : first), make('pre', { tabindex: '0' }, pretty(text))));
  if (!messages.length) box.append(make('p', { class: 'about' }, 'Its message is no longer kept.'));
  return box;
};

const toggle = (button: HTMLElement) => {
  const item = button.parentElement!;
  const open = button.getAttribute('aria-expanded') === 'true';
  button.setAttribute('aria-expanded', String(!open));
  item.querySelector('.detail')?.remove();
  if (open) return;
  item.append(detail(rows.get(item)!));
  follows = false;
  // Within its own panel: the page does not jump. A long message is shown from its beginning.
  const over = item.getBoundingClientRect().bottom - panel.getBoundingClientRect().bottom;
  const above = item.getBoundingClientRect().top - panel.getBoundingClientRect().top;
  if (over > 0) panel.scrollTop += Math.min(over, above);
};

const build = (line: Line): HTMLElement => {
  const { item, button } = arrowItem(wayOf(line.kind));
  button.setAttribute('aria-expanded', 'false');
  button.addEventListener('click', () => toggle(button));
  rows.set(item, line);
  draw(line, item);
  return item;
};

/** The newest line stays in view, until the reader scrolls up to an older one or opens one. */
let follows = true;

const toEnd = () => {
  if (follows) panel.scrollTop = panel.scrollHeight;
};

const following = (change: () => void) => {
  change();
  byId('log-empty').hidden = lines.length > 0;
  toEnd();
};

/** The panel gets smaller where a story is told above it: that is no scrolling of the reader's. */
const watchReader = () => {
  let height = panel.clientHeight;
  panel.addEventListener('scroll', () => {
    if (panel.clientHeight === height) follows = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 48;
  });
  new ResizeObserver(() => {
    height = panel.clientHeight;
    toEnd();
  }).observe(panel);
};

const drop = (line: Line) => {
  items.get(line)?.remove();
  items.delete(line);
  lines.splice(lines.indexOf(line), 1);
};

/**
 * Polls in a row share one line: a device flow has many, with a timer and a signature before each.
 */
const fold = (line: Line) => {
  if (line.stage !== 'polling') return;
  let last = lines.length - 1;
  while (lines[last]?.kind === 'timer' || lines[last]?.kind === 'sign') last--;
  const before = lines[last];
  if (before?.stage !== 'polling') return;
  line.times = (before.times ?? 1) + 1;
  for (const older of lines.slice(last)) drop(older);
};

const add = (line: Line) =>
  following(() => {
    fold(line);
    lines.push(line);
    const item = build(line);
    items.set(line, item);
    list.append(item);
    while (lines.length > MOST) drop(lines[0]!);
  });

const settle = (line: Line, state: State, outcome?: string | number, ms?: number) =>
  following(() => {
    Object.assign(line, { state, outcome: outcome === undefined ? undefined : String(outcome), ms });
    const item = items.get(line);
    if (item) draw(line, item);
  });

const find = (id: string) => lines.find((line) => line.id === id && line.state === 'asked') ?? lines.find((line) => line.id === id);

/** Only kinds with an answer are waited for. */
const waited = (kind: string) => !/^(event|result|command|unlock|remember|.*-cancel)$/.test(kind);

/**
 * Shows an effect, or its outcome.
 *
 * @param tab another tab's name, if it is not this one's
 * @param exchange its messages there
 */
export const showEffect = (entry: EffectEntry, tab?: string, exchange?: Exchange): void => {
  const { id, kind, target, name, stage, method, url, status, failed, ms } = entry;
  if (kind === 'result' && isQuiet(name)) return;
  if (kind === 'load' && (exchange ?? messagesOf(id))?.quiet) return;
  const withdrawn = target === undefined ? undefined : find(target);
  // A timer that never fires is not shown: most of them only limit a look at the store.
  if (withdrawn?.kind === 'timer') following(() => drop(withdrawn));
  else if (withdrawn?.state === 'asked') settle(withdrawn, 'gone', 'withdrawn');
  if (kind === 'timer-cancel') return;
  const known = waited(kind) ? find(id) : undefined;
  const messages =
    exchange &&
    [exchange.asked && withoutSecrets(exchange.asked, struck), exchange.answered && withoutSecrets(exchange.answered, struck, exchange.asked)].filter(
      (text) => text !== undefined,
    );
  const { key: stored } = JSON.parse(exchange?.asked ?? messagesOf(id)?.asked ?? '{}') as { key?: string };
  const line: Line = known ?? { id, kind, name, stage, method, url, tab, at: Date.now(), state: 'asked', thing: thingOf(stored) };
  if (messages) line.messages = messages;
  if (!known) add(line);
  if (!known && kind === 'http') requests++;
  if (!waited(kind)) settle(line, 'done');
  else if (ms !== undefined) settle(line, failed ? 'failed' : 'done', failed ?? status, ms);
};

/** Has the newest line in view again, wherever the reader has scrolled to. */
export const follow = (): void => {
  follows = true;
  toEnd();
};

/** How many requests the module has asked for so far, in all tabs. */
export const sent = (): number => requests;
let requests = 0;

/** Shows that a tab is gone: nobody waits for its effects any more. */
export const showGone = (tab: string): void => {
  for (const line of lines) if (line.tab === tab && line.state === 'asked') settle(line, 'gone', 'the tab is gone');
};

/**
 * Shows a request that the page sends itself, with the header that the module gave it, and waits
 * for its end.
 */
export const showFetch = async (method: string, url: string, answer: Promise<Response>): Promise<void> => {
  const line: Line = { kind: 'fetch', method, url, at: Date.now(), state: 'asked', messages: [`${method} ${url}`] };
  add(line);
  const { at } = line;
  await answer.then(
    ({ status }) => settle(line, status < 400 ? 'done' : 'failed', status, Date.now() - at),
    () => settle(line, 'failed', 'network', Date.now() - at),
  );
};

/** Shows what the page asked of the module, by the id of its command. */
export const showCommand = (id: string, name: string, tab?: string, messages?: string[]): void => {
  if (!isQuiet(name)) add({ id, kind: 'command', name, tab, at: Date.now(), state: 'done', ...(messages && { messages }) });
};

const read = (): Line[] => {
  try {
    return JSON.parse(remembered(key) ?? '[]');
  } catch {
    return [];
  }
};

/** Shows the lines that this tab remembers from before the redirect to the server. */
export const startLanes = (messages: typeof messagesOf, name = key): void => {
  messagesOf = messages;
  key = name;
  for (const line of read()) add({ ...line, state: line.state === 'asked' ? 'gone' : line.state });
  watchReader();
  byArrowKeys(panel);
  byId('clear').addEventListener('click', () => {
    remember(key, null);
    follows = true;
    following(() => {
      for (const line of [...lines]) drop(line);
    });
  });
  addEventListener('pagehide', () => remember(key, JSON.stringify(lines.map((line) => ({ ...line, messages: shown(line) })))));
};
