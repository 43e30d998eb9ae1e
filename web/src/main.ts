import { challengeOf, type Client, type EffectEntry, insecureSessionStore, openClient, type SignInParameters, type Status } from '../../js/src/index.js';
import { signInPopup } from '../../js/src/popup.js';
import { config, elsewhere, home, notes, popupPage, secret } from './config.js';
import { deviceFlow } from './device.js';
import { remember, remembered } from './dom.js';
import { type Doing, explain } from './explain.js';
import { logCommand, logEffect, logFetch, startLog } from './log.js';
import { module } from './module.js';
import * as tv from './tv.js';
import * as view from './view.js';

/** What a person chose, by the name under which the tab remembers it. */
const choices = { 'demo.keep': view.keep, 'demo.auto': view.autoRefresh };

/** The tab remembers that it is on the way to sign out at the server. */
const LEAVING = 'demo.leaving';

/** What `authorize` is given as state where a sign-in is for the secret note. */
const FOR_SECRET = 'secret';

let client: Client;

const show = (phase: view.Phase, status?: Status) => {
  view.show(phase, status);
  tv.follow(phase === 'granted' || phase === 'refreshing', status !== undefined);
};

/** The session as the module tells it. */
const showSession = async () => {
  const status = await client.status();
  show(status.status, status);
  return status;
};

/**
 * The module's requests are in the log as its effects; what the page sends with a token is added to
 * them.
 */
const ownFetch: typeof fetch = async (input, init) => {
  const began = Date.now();
  try {
    return await fetch(input, init);
  } finally {
    if (input instanceof Request) logFetch(input.method, input.url.replace(/[?#].*/s, ''), Date.now() - began);
  }
};

const onEffect = (entry: EffectEntry) => {
  logEffect(entry);
  if (entry.stage === 'polling' && entry.status) tv.polled();
};

const open = async (): Promise<Client> => {
  logCommand('open');
  const opened = await openClient(config(view.autoRefresh.checked), {
    module: await module(),
    onEffect,
    fetch: ownFetch,
    ...(view.keep.checked && { store: insecureSessionStore() }),
  });
  opened.addEventListener('status', ({ detail: { status } }) => view.showPhase(status));
  opened.addEventListener('request_failed', ({ detail }) => detail.op === 'polling' && detail.kind === 'network' && tv.showTrouble(explain(detail, 'device')));
  // Nobody waits for a refresh that the module began by itself.
  if (view.autoRefresh.checked) for (const name of ['granted', 'request_failed'] as const) opened.addEventListener(name, () => void showSession().catch(() => {}));
  return opened;
};

/** Carries out what a person asked for, and shows what became of it. */
const act = async (doing: Doing, command: string, work: () => Promise<void>): Promise<void> => {
  view.showError(null);
  try {
    logCommand(command);
    await work();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return; // another sign-in took its place
    if (doing === 'call') view.showResult('Not sent, or not answered.');
    view.showError(explain(error, doing));
  }
  await showSession().catch((error) => view.showError(explain(error, doing)));
};

const whoAmI = async (): Promise<string | undefined> => {
  let name;
  await act('userinfo', 'userinfo', async () => {
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
  await act('popup', 'authorize', async () => {
    // Nothing is waited for before the window opens: browsers would take it for one that nobody
    // asked for.
    void device.cancel();
    await signInPopup(client, { redirect_uri: popupPage, signal });
    await nameUser();
  });
};

/**
 * Leaves for the server. The request goes there first: one that is away leaves nobody on the
 * browser's own error page.
 */
const signIn = (parameters: SignInParameters = {}) =>
  act('sign in', 'authorize', async () => {
    popup.abort();
    await device.cancel();
    await client.signIn(parameters);
  });

const signOut = () =>
  act('sign out', 'log out', async () => {
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
      location.assign(url);
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

/** What a sign-in has to be like, where the API asked for a new one (RFC 9470). */
let stepUp: SignInParameters | null = null;

const call = (url: string) =>
  act('call', 'prepare a request', async () => {
    const response = await client.fetch(url);
    const { origin, pathname } = new URL(url);
    const challenge = response.headers.get('www-authenticate');
    const wanted = challengeOf(response);
    stepUp = wanted?.error === 'insufficient_user_authentication' ? { max_age: wanted.max_age ?? 0, app_state: FOR_SECRET } : null;
    view.showStepUp(stepUp !== null);
    view.showResult(
      (stepUp ? 'The API asks whether it is still you. ' : '') + `${response.status} ${response.ok ? 'OK' : 'refused'} from ${origin}${pathname}`,
      readable(await response.text()) + (challenge ? '\n\nWWW-Authenticate: ' + challenge : ''),
    );
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
  const reply = new URLSearchParams(location.search);
  if (!['code', 'error', 'state'].some((name) => reply.has(name))) return;
  show('signing_in');
  let purpose: string | undefined;
  try {
    await act('callback', 'callback', async () => {
      purpose = (await client.handleRedirect())?.app_state;
    });
  } finally {
    // Also where the package leaves a reply for some other client: here there is none.
    history.replaceState(null, '', location.pathname);
  }
  return purpose;
};

const start = async () => {
  for (const [key, box] of Object.entries(choices)) box.checked = remembered(key) === 'yes';
  startLog();
  show('starting');
  if (!(await begin())) return;
  const purpose = await finishSignIn();
  const status = await showSession();
  device.takeUp(status);
  if (status.status === 'granted') await nameUser();
  if (purpose === FOR_SECRET) await call(secret);
  if (remembered(LEAVING)) view.showGoodbye();
  remember(LEAVING, null);
};

/** The name is worth showing, but no error of its own where the callback already showed one. */
const nameUser = async () => {
  const shown = document.querySelector('[data-testid="error"] .alert');
  if (!shown) return whoAmI();
  logCommand('userinfo');
  view.showUser(await client.userinfo().catch(() => ({})));
};

view.signIn.addEventListener('click', () => signIn());
view.stepUp.addEventListener('click', () => signIn(stepUp ?? {}));
view.popupSignIn.addEventListener('click', popupSignIn);
view.signOut.addEventListener('click', signOut);
view.refresh.addEventListener('click', refresh);
for (const box of Object.values(choices)) box.addEventListener('change', choose);
const [callApi, readSecret, sendElsewhere] = view.apiButtons;
callApi!.addEventListener('click', () => call(notes));
readSecret!.addEventListener('click', () => call(secret));
sendElsewhere!.addEventListener('click', () => call(elsewhere));
// Back from the server by the Back button: the browser shows the page as it was left.
addEventListener('pageshow', (event) => {
  if (event.persisted) void showSession();
});

void start();
