import { type Client, type Store } from '../../js/src/index.js';
import { busy, byId, byTestId, make, setText } from './dom.js';
import { notes, refreshCount } from './config.js';
import { follow, sent, showCommand, showEffect, showFetch, showGone } from './lanes.js';
import { cut, during, lost, slow } from './network.js';
import type { Lent, Tab } from './tab.js';

/** The functions of the page that a fault needs. */
export interface Page {
  client(): Client;
  /** What the page lends to a frame that plays another tab. */
  lend(): Omit<Lent, 'heard' | 'command'> & { store: Store };
  /** The last reply of the server that signed in here by redirect. */
  reply(): string | undefined;
  /** Signs in by redirect, and goes on with a fault afterwards. */
  signInFor(fault: string): Promise<void>;
  /** Called when the session has changed. */
  changed(): Promise<unknown>;
}

const OTHER = 'Tab 2';

/** How long a step is shown before the next begins, in milliseconds. */
const A_LOOK = 1200;
const pause = (ms = A_LOOK) => new Promise((resolve) => setTimeout(resolve, ms));

const story = byTestId('story');
const steps = byId('story-steps');

const begin = (title: string) => {
  setText(byId('story-title'), title);
  steps.replaceChildren();
  story.hidden = false;
  story.removeAttribute('data-end');
  follow();
};

const say = (text: string) => {
  steps.append(make('li', {}, text));
};

/** How the story ends: the page has recovered, or it has not. */
const end = (text: string, well = true) => {
  story.dataset.end = well ? 'well' : 'bad';
  steps.append(make('li', {}, make('strong', {}, well ? 'Recovered. ' : 'Not recovered. '), text));
};

const refused = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'nothing failed';
  } catch (error) {
    const { kind, code } = error as { kind?: string; code?: string };
    return [kind, code].filter((word, n, all) => word && all.indexOf(word) === n).join(', ') || String(error);
  }
};

const count = async (): Promise<number> => ((await (await fetch(refreshCount)).json()) as { refreshes: number }).refreshes;

/** Plays another tab in a frame, which shares the session's store. */
const openTab = async (page: Page): Promise<{ tab: Tab; close(): void }> => {
  window.lend = () => ({
    ...page.lend(),
    heard: (entry, exchange) => showEffect(entry, OTHER, exchange),
    command: (id, name, message) => showCommand(id, name, OTHER, [message]),
  });
  const frame = make('iframe', { src: '/tab', title: 'Another tab' }) as HTMLIFrameElement;
  byId('story-tab').replaceChildren(frame);
  await new Promise((resolve) => frame.addEventListener('load', resolve));
  const tab = await frame.contentWindow!.tab!;
  return { tab, close: () => frame.remove() };
};

const faults: Record<string, (page: Page) => Promise<void>> = {
  async lose({ client }) {
    say('The session is refreshed. The server acts, and its answer is thrown away on the way back.');
    const why = await during(lost, () => refused(client().refresh()));
    say(`The refresh failed (${why}). Nobody here knows whether the server acted. The module wrote down before that it sends the token.`);
    await pause();
    await client().refresh();
    end('The module found its mark, and sent the same token once more. The server knew it again, and gave new tokens.');
  },
  async cut({ client }) {
    say('The network is cut, and the session is refreshed.');
    await during(cut, async () => {
      const why = await refused(client().refresh());
      say(`The refresh failed (${why}). The session is as it was. In three seconds the network is back.`);
      await pause(3000);
    });
    await client().refresh();
    const { status } = await client().fetch(notes);
    end(`The session went on where it was, and the API answered ${status}.`, status === 200);
  },
  async kill(page) {
    const { tab, close } = await openTab(page);
    say('Another tab holds the lock and refreshes. The server has acted; the answer is on its way.');
    await tab.refreshAndHang();
    await pause();
    close();
    showGone(OTHER);
    say('That tab is killed. The browser lets its lock go; its mark stays in the store.');
    await pause();
    await page.client().refresh();
    end('This tab found the mark, sent the same token once more, and has the new one.');
  },
  async twice(page) {
    const { tab, close } = await openTab(page);
    const before = await count();
    say('This tab and another refresh at the same moment.');
    await Promise.all([page.client().refresh(), tab.refresh()]);
    const sent = (await count()) - before;
    await pause();
    close();
    end(`The server counted ${sent} ${sent === 1 ? 'refresh' : 'refreshes'}. The other tab waited for the lock, and took over what was stored.`, sent === 1);
  },
  async slow({ client }) {
    say('Each answer takes five seconds more. The session is refreshed.');
    await during(slow(5000), () => client().refresh());
    end('It took its time. Every button that waits says so, and nothing was sent twice.');
  },
  async replay(page) {
    const { tab, close } = await openTab(page);
    say('The reply that signed you in comes a second time, in another tab: a stolen link, or the Back button.');
    const before = sent();
    const outcome = await tab.reply(page.reply()!);
    const requests = sent() - before;
    await pause();
    close();
    end(`The module read in the store that this code is spent: ${outcome}. It sent ${requests || 'no'} request${requests === 1 ? '' : 's'}.`, requests === 0);
  },
  async steal(page) {
    const { access_token: token } = await page.client().token();
    say('The access token is stolen, and sent from elsewhere: without the key that it is bound to.');
    const stolen = fetch(notes, { headers: { authorization: `Bearer ${token}` } });
    void showFetch('GET', notes, stolen);
    const answer = await stolen;
    const why = ['error', 'error_description']
      .map((name) => new RegExp(`${name}="([^"]*)"`).exec(answer.headers.get('www-authenticate') ?? '')?.[1])
      .filter(Boolean);
    say(
      `The API answered ${[answer.status, why.join(': ')].filter(Boolean).join(' ')}. A proof that is signed with the key was missing (RFC 9449 section 7.1).`,
    );
    await pause();
    const { status } = await page.client().fetch(notes);
    end(`Here, where the key is, the same token is good: ${status}.`, answer.status === 401 && status === 200);
  },
};

const buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-fault]')];

/** Offers the faults; those that need a session sign in first. */
export const startFaults = (page: Page): { run(name: string): Promise<void>; enable(running: boolean): void } => {
  let running = false;
  const run = async (name: string): Promise<void> => {
    const button = buttons.find((button) => button.dataset.fault === name);
    const fault = faults[name];
    if (!button || !fault || running) return;
    running = true;
    for (const other of buttons) other.setAttribute('aria-disabled', String(other !== button));
    try {
      await busy(button, async () => {
        begin(button.textContent!.trim());
        const { status } = await page.client().status();
        if (status !== 'granted' || (name === 'replay' && !page.reply())) {
          say('It needs a session: sign in, and it goes on by itself.');
          return await page.signInFor(name);
        }
        await fault(page);
        await page.changed();
      });
    } catch (error) {
      end(String((error as Error).message ?? error), false);
    } finally {
      running = false;
      for (const other of buttons) other.removeAttribute('aria-disabled');
    }
  };
  for (const button of buttons) button.addEventListener('click', () => run(button.dataset.fault!));
  return { run, enable: (on) => buttons.forEach((button) => (button.disabled = !on)) };
};
