import { arrowItem, byArrowKeys, pretty, thingOf, type Way, wayOf } from './arrows.js';
import { byId, byTestId, make, setText } from './dom.js';
import type { Step } from './replay.js';

/** The most messages of one conversation that are drawn. */
const MOST = 1_500;
/** How long each message is shown during playback, in milliseconds. */
const BEAT = 350;

/** A drawn message. */
interface Message extends Step {
  label: string;
  outcome?: string;
  way: Way;
  failed?: boolean;
}

const panel = byTestId('conversation');
const list = panel.firstElementChild as HTMLOListElement;
const slider = byTestId<HTMLInputElement>('position');
const play = byTestId<HTMLButtonElement>('play');

let messages: Message[] = [];
let items: HTMLElement[] = [];
let at = 0;
let clock: ReturnType<typeof setInterval> | undefined;

const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const read = (text: string): Record<string, unknown> => {
  try {
    const value = JSON.parse(text) as unknown;
    return value && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

const path = (url: string) => (URL.canParse(url) ? new URL(url).pathname : url);

const reversed = ([from, to, family]: Way): Way => [to, from, family];

/**
 * Describes each step. It keeps the effects by their ids, so that an answer is described by its
 * effect.
 */
const describe = (steps: Step[]): Message[] => {
  const asked = new Map<string, string>();
  return steps.flatMap((step): Message[] => {
    const o = read(step.text);
    const failed = string((o.failed as { kind?: unknown } | undefined)?.kind);
    switch (step.verb) {
      case 'open':
      case 'close':
        return [{ ...step, label: step.verb, way: wayOf(step.verb) }];
      case '<': {
        const kind = string(o.kind) ?? (o.error ? 'refused' : '?');
        if (string(o.id)) asked.set(string(o.id)!, kind);
        const what = [
          string(o.stage),
          string(o.event),
          string(o.method),
          string(o.url) && path(string(o.url)!),
          thingOf(string(o.key)),
          string((o.error as { code?: unknown } | undefined)?.code),
        ];
        return [{ ...step, label: [kind, ...what].filter(Boolean).join(' '), way: wayOf(kind), failed: !!o.error }];
      }
      case '>': {
        const command = string(o.command);
        if (command) return [{ ...step, label: command.replaceAll('_', ' '), way: wayOf('command') }];
        const kind = asked.get(string(o.answer) ?? '') ?? '?';
        const status = (o.ok as { status?: unknown } | undefined)?.status;
        return [{ ...step, label: kind, outcome: failed ? '✕ ' + failed : String(status ?? 'ok'), way: reversed(wayOf(kind)), failed: !!failed }];
      }
      default:
        // A code or a handle is no message, unless it differs from the recording.
        return step.instead === undefined ? [] : [{ ...step, label: `code ${step.text}`, way: wayOf('result') }];
    }
  });
};

const titles: Record<string, string> = {
  open: 'The page opens a session',
  close: 'The page closes it',
  '>': 'The module is told',
  '<': 'The module says',
  '=': 'The module’s code',
};

const show = () => {
  const message = messages[at];
  slider.value = String(at);
  slider.setAttribute('aria-valuetext', message ? `${at + 1} of ${messages.length}: ${message.label}` : 'nothing');
  setText(byTestId('place'), messages.length ? `${at + 1} / ${messages.length}` : '');
  items.forEach((item, n) => {
    item.toggleAttribute('data-later', n > at);
    item.firstElementChild!.setAttribute('aria-current', String(n === at));
  });
  setText(byId('message-head'), message ? `${titles[message.verb] ?? ''}: ${message.label}` : '');
  byTestId('message').textContent = message
    ? pretty(message.text) + (message.instead === undefined ? '' : `\n\nThis time it said:\n${pretty(message.instead)}`)
    : '';
};

const go = (to: number) => {
  at = Math.max(0, Math.min(messages.length - 1, to));
  show();
  const item = items[at];
  if (!item) return;
  // Within its own panel: the page does not jump.
  const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
  if (top < panel.scrollTop) panel.scrollTop = top;
  else if (bottom > panel.scrollTop + panel.clientHeight) panel.scrollTop = bottom - panel.clientHeight;
};

const stop = () => {
  clearInterval(clock);
  clock = undefined;
  setText(play, 'Play');
};

/** Shows a conversation from its beginning. */
export const showConversation = (steps: Step[]): void => {
  stop();
  const all = describe(steps);
  messages = all.slice(0, MOST);
  items = messages.map(({ way, label, outcome, failed, instead }, n) => {
    const { item, button, label: cell } = arrowItem(way);
    cell.append(make('span', { class: 'kind' }, label));
    if (outcome) cell.append(' ', make('span', { class: 'outcome' }, outcome));
    if (instead !== undefined) cell.append(' ', make('span', { class: 'outcome' }, 'differs'));
    item.dataset.state = failed || instead !== undefined ? 'failed' : 'done';
    button.addEventListener('click', () => {
      stop();
      go(n);
    });
    return item;
  });
  list.replaceChildren(...items);
  slider.max = String(Math.max(0, messages.length - 1));
  setText(byId('conversation-more'), all.length > MOST ? `The first ${MOST.toLocaleString('en')} of ${all.length.toLocaleString('en')} messages.` : '');
  panel.scrollTop = 0;
  go(0);
};

/** Makes the buttons under the conversation work. */
export const startScrubber = (): void => {
  byArrowKeys(panel);
  slider.addEventListener('input', () => {
    stop();
    go(Number(slider.value));
  });
  for (const [name, step] of [
    ['back', -1],
    ['forth', 1],
  ] as const)
    byTestId(name).addEventListener('click', () => {
      stop();
      go(at + step);
    });
  play.addEventListener('click', () => {
    if (clock) return stop();
    if (at >= messages.length - 1) go(0);
    setText(play, 'Pause');
    clock = setInterval(() => (at >= messages.length - 1 ? stop() : go(at + 1)), BEAT);
  });
};
