import {
  challengeOf,
  type Client,
  type EffectEntry,
  insecureSessionStore,
  memoryStore,
  openClient,
  type SignInParameters,
  type Status,
} from '../../js/src/index.js';
import { signInPopup } from '../../js/src/popup.js';
import { pretty } from './arrows.js';
import { alone, config, elsewhere, home, notes, popupPage, secret } from './config.js';
import { deviceFlow } from './device.js';
import { busy, remember, remembered } from './dom.js';
import { type Doing, explain } from './explain.js';
import { startFaults } from './faults.js';
import { showCommand, showEffect, startLanes } from './lanes.js';
import { module } from './module.js';
import { through } from './network.js';
import { exchangeOf, hearCommands } from './record.js';
import { startTabs } from './tabs.js';
import { keepVisit } from './visit.js';
import * as tv from './tv.js';
import * as view from './view.js';

/** What a person chose, by the name under which the tab remembers it. */
const choices = { 'demo.keep': view.keep, 'demo.auto': view.autoRefresh };

/** The tab remembers that it is on the way to sign out at the server. */
const LEAVING = 'demo.leaving';

/** What `authorize` is given as state where a sign-in is for the secret note, or for a fault. */
const FOR_SECRET = 'secret';
const FOR_FAULT = 'fault ';

let client: Client;
/** The store of the session; a frame that plays another tab shares it. */
let store = memoryStore();
/** The last reply of the server to this page, until the page is left. */
let reply: string | undefined;

const show = (phase: view.Phase, status?: Status) => {
  view.show(phase, status);
  tv.follow(phase === 'granted' || phase === 'refreshing', status !== undefined);
  faults.enable(status !== undefined);
};

/** The session as the module tells it. */
const showSession = async () => {
  const status = await client.status();
  show(status.status, status);
  return status;
};

const onEffect = (entry: EffectEntry) => {
  showEffect(entry);
  if (entry.stage === 'polling' && entry.status) tv.polled();
};

const open = async (): Promise<Client> => {
  store = view.keep.checked ? insecureSessionStore() : memoryStore();
  const opened = await openClient(config(view.autoRefresh.checked), {
    module: await module(),
    onEffect,
    fetch: through,
    store,
    // Those of a store in memory would not reach the frame that plays another tab.
    ...(navigator.locks && { locks: navigator.locks }),
  });
  opened.addEventListener('status', ({ detail: { status } }) => view.showPhase(status));
  opened.addEventListener('request_failed', ({ detail }) => detail.op === 'polling' && detail.kind === 'network' && tv.showTrouble(explain(detail, 'device')));
  // Nobody waits for a refresh that the module began by itself.
  if (view.autoRefresh.checked)
    for (const name of ['granted', 'request_failed'] as const) opened.addEventListener(name, () => void showSession().catch(() => {}));
  return opened;
};

/** Carries out what a person asked for, and shows what became of it. */
const act = async (doing: Doing, button: HTMLElement | null, work: () => Promise<unknown>): Promise<void> => {
  const carryOut = async () => {
    const place = doing === 'call' ? 'api' : 'session';
    view.showError(null, place);
    const done = view.showWaiting(doing);
    let failure: unknown;
    try {
      await work();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return; // another sign-in took its place
      failure = error;
    } finally {
      done();
    }
    const status = await showSession().catch((error) => void (failure ??= error));
    if (failure === undefined) return;
    if (doing === 'call') view.showResult('Not sent, or not answered.');
    view.showError(explain(failure, doing, status?.status === 'granted'), place);
  };
  if (button) await busy(button, carryOut);
  else await carryOut();
};

const whoAmI = async (): Promise<string | undefined> => {
  let name;
  await act('userinfo', null, async () => {
    name = view.showUser(await client.userinfo());
  });
  return name;
};

const device = deviceFlow({ client: () => client, changed: showSession, whoAmI });

let popup = new AbortController();

const popupSignIn = async () => {
  popup.abort();
  popup = new AbortController();
  const { signal } = popup;
  view.popupSignIn.removeAttribute('aria-busy'); // the newest window counts
  await act('popup', view.popupSignIn, async () => {
    // Nothing is waited for before the window opens: browsers would take it for one that nobody
    // asked for.
    void device.cancel();
    await signInPopup(client, { redirect_uri: popupPage, signal, waiting: 'One moment: asking the server …' });
    await nameUser();
  });
};

/** Leaves for the server, with what this visit was so far kept; the page is gone before it ends. */
const leave = async (url: string): Promise<void> => {
  await keepVisit();
  location.assign(url);
  await new Promise(() => {});
};

/**
 * Leaves for the server. The request goes there first: one that is away leaves nobody on the
 * browser's own error page.
 */
const signIn = (button: HTMLElement | null, parameters: SignInParameters = {}) =>
  act('sign in', button, async () => {
    popup.abort();
    await device.cancel();
    await client.signIn({ ...parameters, navigate: leave });
  });

const signOut = () =>
  act('sign out', view.signOut, async () => {
    const { claims } = await client.status();
    const { revoked, url } = await client.logOut({ post_logout_redirect_uri: home });
    view.showResult('Nothing called yet.');
    if (!revoked) {
      view.showError({
        title: 'Signed out here only',
        text: 'This page has forgotten the tokens, but the server could not be told. There, they run out by themselves.',
      });
    } else if (url && claims?.sid) {
      // The person's session at the server ends too, and the server leads back here. A TV has none:
      // that one is the phone's.
      remember(LEAVING, 'yes');
      await leave(url);
    }
  });

/** What a sign-in has to be like, where the API asked for a new one (RFC 9470). */
let stepUp: SignInParameters | null = null;

const call = (button: HTMLElement | null, url: string) =>
  act('call', button, async () => {
    view.showStepUp(false);
    const response = await client.fetch(url);
    const { origin, pathname } = new URL(url);
    const challenge = response.headers.get('www-authenticate');
    const wanted = challengeOf(response);
    stepUp = wanted?.error === 'insufficient_user_authentication' ? { max_age: wanted.max_age ?? 0, app_state: FOR_SECRET } : null;
    view.showResult(
      (stepUp ? 'The API asks whether it is still you. ' : '') + `${response.status} ${response.ok ? 'OK' : 'refused'} from ${origin}${pathname}`,
      pretty(await response.text()) + (challenge ? '\n\nWWW-Authenticate: ' + challenge : ''),
    );
    view.showStepUp(stepUp !== null);
  });

const choose = async () => {
  for (const [key, box] of Object.entries(choices)) remember(key, box.checked ? 'yes' : null);
  client.close();
  show('starting');
  await begin();
};

/** Opens the client; without one there is nothing that the page could offer. */
const begin = async (): Promise<boolean> => {
  try {
    client = await open();
    await showSession();
    return true;
  } catch (error) {
    show('failed');
    view.showError(explain(error, 'load'));
    return false;
  }
};

/** Gives what the sign-in was for, if it was for anything. */
const finishSignIn = async (): Promise<string | undefined> => {
  const parameters = new URLSearchParams(location.search);
  if (!['code', 'error', 'state'].some((name) => parameters.has(name))) return;
  const here = location.href;
  show('signing_in');
  let purpose: string | undefined;
  try {
    await act('callback', null, async () => {
      purpose = (await client.handleRedirect())?.app_state;
      if (parameters.has('code')) reply = here;
    });
  } finally {
    // Also where the package leaves a reply for some other client: here there is none.
    history.replaceState(null, '', location.pathname);
  }
  return purpose;
};

const start = async () => {
  for (const [key, box] of Object.entries(choices)) box.checked = remembered(key) === 'yes';
  view.choices.open = Object.values(choices).some((box) => box.checked);
  hearCommands(showCommand);
  startLanes(exchangeOf);
  startTabs();
  show('starting');
  if (alone) return;
  if (!(await begin())) return;
  const purpose = await finishSignIn();
  const status = await showSession();
  device.takeUp(status);
  if (status.status === 'granted') await nameUser();
  if (purpose === FOR_SECRET) await call(null, secret);
  if (purpose?.startsWith(FOR_FAULT)) await faults.run(purpose.slice(FOR_FAULT.length));
  if (remembered(LEAVING)) view.showGoodbye();
  remember(LEAVING, null);
};

/** The name is worth showing, but no error of its own where the callback already showed one. */
const nameUser = async () => {
  const shown = document.querySelector('[data-testid="error"] .alert');
  if (!shown) return whoAmI();
  view.showUser(await client.userinfo().catch(() => ({})));
};

const faults = startFaults({
  client: () => client,
  lend: () => ({
    config: config(false),
    module: compiled!,
    store: { load: (key) => store.load(key), store: (key, version, value) => store.store(key, version, value) },
  }),
  reply: () => reply,
  signInFor: (fault) => signIn(null, { app_state: FOR_FAULT + fault }),
  changed: showSession,
});

let compiled: WebAssembly.Module | undefined;
void module().then(
  (made) => (compiled = made),
  () => {},
);

view.signIn.addEventListener('click', () => signIn(view.signIn));
view.stepUp.addEventListener('click', () => signIn(view.stepUp, stepUp ?? {}));
view.popupSignIn.addEventListener('click', popupSignIn);
view.signOut.addEventListener('click', signOut);
view.refresh.addEventListener('click', () => act('refresh', view.refresh, () => client.refresh()));
for (const box of Object.values(choices)) box.addEventListener('change', choose);
[notes, secret, elsewhere].forEach((url, n) => {
  const button = view.apiButtons[n]!;
  button.addEventListener('click', () => call(button, url));
});
// Back from the server by the Back button: the browser shows the page as it was left.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
  void showSession();
});

void start();
