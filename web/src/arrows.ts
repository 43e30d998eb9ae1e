import { make } from './dom.js';

/** The lanes between which messages go, from left to right. */
export const LANES = ['You', 'Module', 'Store', 'Keys', 'Server'] as const;

const [YOU, MODULE, STORE, KEYS, SERVER] = [0, 1, 2, 3, 4];

/** The lanes from and to which a kind of message goes. Other kinds go to the page. */
const ways: Record<string, Way> = {
  command: [YOU, MODULE, 'command'],
  open: [YOU, MODULE, 'command'],
  close: [YOU, MODULE, 'command'],
  fetch: [YOU, SERVER, 'page'],
  http: [MODULE, SERVER, 'net'],
  'http-cancel': [MODULE, SERVER, 'net'],
  proxy: [MODULE, SERVER, 'net'],
  load: [MODULE, STORE, 'keep'],
  store: [MODULE, STORE, 'keep'],
  recall: [MODULE, STORE, 'keep'],
  remember: [MODULE, STORE, 'keep'],
  lock: [MODULE, STORE, 'wait'],
  unlock: [MODULE, STORE, 'wait'],
  timer: [MODULE, YOU, 'wait'],
  'timer-cancel': [MODULE, YOU, 'wait'],
  key: [MODULE, KEYS, 'key'],
  sign: [MODULE, KEYS, 'key'],
  verify: [MODULE, KEYS, 'key'],
  seal: [MODULE, KEYS, 'key'],
  unseal: [MODULE, KEYS, 'key'],
};

/** Two lanes, and a family of kinds that look alike. */
export type Way = [from: number, to: number, family: string];

/** The way of a message. */
export const wayOf = (kind: string): Way => (Object.hasOwn(ways, kind) ? ways[kind]! : [MODULE, YOU, 'tell']);

const things: Record<string, string> = { session: 'the session', pending: 'attempts', device: 'the device flow', metadata: 'the server’s metadata' };

/** The kind of text under a key of the store. */
export const thingOf = (key: string | undefined): string | undefined => {
  const end = key?.split('.').at(-1) ?? '';
  return Object.hasOwn(things, end) ? things[end] : undefined;
};

/** An item of the list with a button over an arrow; the caller sets its text. */
export const arrowItem = ([from, to, family]: Way): { item: HTMLElement; button: HTMLElement; label: HTMLElement } => {
  const label = make('span', { class: 'label' });
  const arrow = make('span', { class: 'arrow', 'aria-hidden': 'true', 'data-way': to > from ? 'right' : 'left' });
  const button = make('button', { type: 'button', class: 'line', tabindex: '-1' }, label, arrow);
  const item = make('li', { 'data-family': family }, button);
  item.style.setProperty('--from', String(Math.min(from, to)));
  item.style.setProperty('--span', String(Math.abs(to - from)));
  return { item, button, label };
};

/**
 * The Tab key stops once at a list, and the arrow keys go from line to line, because there are
 * hundreds.
 */
export const byArrowKeys = (panel: HTMLElement): void =>
  panel.addEventListener('keydown', (event) => {
    const all = [...panel.querySelectorAll<HTMLElement>('.line')];
    const here = all.indexOf(document.activeElement as HTMLElement);
    const to: Record<string, number> = { ArrowDown: here + 1, ArrowUp: here < 0 ? all.length - 1 : here - 1, Home: 0, End: all.length - 1 };
    const line = all[to[event.key] ?? -1];
    if (!line || (event.target as HTMLElement).tagName === 'PRE') return;
    event.preventDefault();
    line.focus();
  });

/** JSON formatted for reading; other text unchanged. */
export const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};
