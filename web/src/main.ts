import { type Client, insecureSessionStore, openClient } from '../../js/src/index.js';
import { config, elsewhere, metadata, notes } from './config.js';
import { remember, remembered } from './dom.js';
import { type Doing, explain } from './explain.js';
import { logCommand, logEffect, logEvent, logFetch, quietly, startLog } from './log.js';
import { module } from './module.js';
import * as view from './view.js';

const KEEP = 'demo.keep';

let client: Client;

/** The session as the module tells it. */
const showSession = async () => {
  const status = await quietly(() => client.status());
  view.show(status.status, status);
  return status;
};

/** The module's requests are in the log as its effects; what the page sends with a token is added to them. */
const ownFetch: typeof fetch = async (input, init) => {
  const began = Date.now();
  try {
    return await fetch(input, init);
  } finally {
    if (input instanceof Request) logFetch(input.method, input.url.replace(/[?#].*/s, ''), Date.now() - began);
  }
};

const open = async (): Promise<Client> => {
  logCommand('open');
  const opened = await openClient(config, {
    module: await module(),
    onEffect: logEffect,
    fetch: ownFetch,
    ...(view.keep.checked && { store: insecureSessionStore() }),
  });
  opened.addEventListener('status', ({ detail: { status } }) => {
    logEvent('status: ' + status);
    view.showPhase(status);
  });
  for (const name of ['granted', 'request_failed', 'server_error', 'not_persisted', 'session_refused'] as const) {
    opened.addEventListener(name, () => logEvent(name.replaceAll('_', ' ')));
  }
  return opened;
};

/** Carries out what a person asked for, and shows what became of it. */
const act = async (doing: Doing, command: string, work: () => Promise<void>): Promise<void> => {
  view.showError(null);
  try {
    logCommand(command);
    await work();
  } catch (error) {
    if (doing === 'call') view.showResult('Not sent, or not answered.');
    view.showError(explain(error, doing));
  }
  await showSession().catch((error) => view.showError(explain(error, doing)));
};

const whoAmI = () => act('userinfo', 'userinfo', async () => view.showUser(await client.userinfo()));

const signIn = () =>
  act('sign in', 'authorize', async () => {
    // A server that is away would leave the person on the browser's own error page.
    await fetch(metadata, { cache: 'no-store', credentials: 'omit' });
    await client.signIn();
  });

const signOut = () =>
  act('sign out', 'log out', async () => {
    const { revoked } = await client.signOut();
    view.showResult('Nothing called yet.');
    if (!revoked) {
      view.showError({
        title: 'Signed out here only',
        text: 'This page has forgotten the tokens, but the server could not be told. There, they run out by themselves.',
      });
    }
  });

const refresh = () =>
  act('refresh', 'refresh', async () => {
    await client.refresh();
  });

/** JSON set out for reading; other text as it came. */
const readable = (text: string) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

const call = (url: string) =>
  act('call', 'prepare a request', async () => {
    const response = await client.fetch(url);
    const { origin, pathname } = new URL(url);
    const challenge = response.headers.get('www-authenticate');
    view.showResult(
      `${response.status} ${response.ok ? 'OK' : 'refused'} from ${origin}${pathname}`,
      readable(await response.text()) + (challenge ? '\n\nWWW-Authenticate: ' + challenge : ''),
    );
  });

const changeStore = async () => {
  remember(KEEP, view.keep.checked ? 'yes' : null);
  client.close();
  view.show('starting');
  await begin();
};

/** Opens the client; without one there is nothing that the page could offer. */
const begin = async (): Promise<boolean> => {
  try {
    client = await open();
    await showSession();
    return true;
  } catch (error) {
    view.show('failed');
    view.showError(explain(error, 'load'));
    return false;
  }
};

const finishSignIn = async () => {
  const reply = new URLSearchParams(location.search);
  if (!['code', 'error', 'state'].some((name) => reply.has(name))) return;
  view.show('signing_in');
  try {
    await act('callback', 'callback', async () => {
      await client.handleRedirect();
    });
  } finally {
    // Also where the package leaves a reply for some other client: here there is none.
    history.replaceState(null, '', location.pathname);
  }
};

const start = async () => {
  view.keep.checked = remembered(KEEP) === 'yes';
  startLog();
  view.show('starting');
  if (!(await begin())) return;
  await finishSignIn();
  if ((await showSession()).status === 'granted') await nameUser();
};

/** The name is worth showing, but no error of its own where the callback already showed one. */
const nameUser = async () => {
  const shown = document.querySelector('[data-testid="error"] .alert');
  if (!shown) return whoAmI();
  logCommand('userinfo');
  view.showUser(await client.userinfo().catch(() => ({})));
};

view.signIn.addEventListener('click', signIn);
view.signOut.addEventListener('click', signOut);
view.refresh.addEventListener('click', refresh);
view.keep.addEventListener('change', changeStore);
const [callApi, sendElsewhere] = view.apiButtons;
callApi!.addEventListener('click', () => call(notes));
sendElsewhere!.addEventListener('click', () => call(elsewhere));
// Back from the server by the Back button: the browser shows the page as it was left.
addEventListener('pageshow', (event) => {
  if (event.persisted) void showSession();
});

void start();
