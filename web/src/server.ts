import { type Client, openClient } from '../../js/src/index.js';
import presets from '../../core/oauth/presets/presets.json' with { type: 'json' };
import { type Choice, codeFor, configOf, type Language } from './code.js';
import { discover, offers, type Trouble, whyUnreadable } from './discover.js';
import { busy, byId, byTestId, make, remember, remembered, setText } from './dom.js';
import { type Doing, explain } from './explain.js';
import { showCommand, showEffect, startLanes } from './lanes.js';
import { module } from './module.js';
import { through } from './network.js';
import { exchangeOf, hearCommands } from './record.js';

type Preset = { about: string; docs: string; issuer?: string; scope?: string; variables?: Record<string, string> };

/** The configuration, stored over the redirect to the server and back. It contains no secret. */
const KEY = 'demo.server';

const form = byTestId<HTMLFormElement>('server-form');
const preset = byTestId<HTMLSelectElement>('preset');
const issuer = byTestId<HTMLInputElement>('issuer');
const clientId = byTestId<HTMLInputElement>('client-id');
const scope = byTestId<HTMLInputElement>('scope');
const dpop = byTestId<HTMLInputElement>('dpop');
const variables = byId('variables');

/** The demo's own server, if this page is served beside it. */
const own = document.documentElement.dataset.issuer;
const OWN = 'this-demo';

const redirect = location.origin + location.pathname;

const of = (name: string): Preset | undefined => (Object.hasOwn(presets, name) && name !== 'openid' ? (presets as Record<string, Preset>)[name] : undefined);

const choice = (): Choice => {
  const found = of(preset.value);
  const { about: _, docs: __, ...members } = found ?? {};
  return {
    ...(found && { preset: preset.value, members }),
    variables: Object.fromEntries([...variables.querySelectorAll('input')].map(({ name, value }) => [name, value.trim()])),
    issuer: issuer.value.trim(),
    client_id: clientId.value.trim(),
    scope: scope.value.trim(),
    dpop: dpop.checked,
    redirect_uri: redirect,
  };
};

const showPreset = () => {
  const found = of(preset.value);
  if (preset.value === OWN) [issuer.value, clientId.value, scope.value, dpop.checked] = [own!, 'demo', 'openid profile email notes.read', true];
  setText(byId('preset-about'), found?.about ?? 'Any server with metadata: OpenID Connect Discovery, or RFC 8414.');
  issuer.readOnly = !!found;
  if (found) issuer.value = found.issuer ?? '';
  if (found?.scope) scope.value = found.scope;
  const names = [...new Set([...JSON.stringify(found ?? {}).matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name!))].filter((name) => name !== 'tenantid');
  variables.replaceChildren(
    ...names.map((name) =>
      make(
        'label',
        {},
        make('span', {}, name),
        make('input', { type: 'text', name, value: found?.variables?.[name] ?? '', spellcheck: 'false', autocomplete: 'off' }),
      ),
    ),
  );
};

let language: Language = 'TypeScript';
const tabs = [...document.querySelectorAll<HTMLElement>('[data-language]')];

const showCode = () => {
  byTestId('code').textContent = codeFor[language](choice());
  for (const tab of tabs) {
    const chosen = tab.dataset.language === language;
    tab.setAttribute('aria-selected', String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) byTestId('code').setAttribute('aria-labelledby', tab.id);
  }
};

/** The languages are one stop of the Tab key; the arrow keys choose among them. */
const startLanguages = () => {
  const choose = (tab: HTMLElement) => {
    language = tab.dataset.language as Language;
    showCode();
    tab.focus();
  };
  for (const [n, tab] of tabs.entries()) {
    const keys: Record<string, number> = { ArrowRight: (n + 1) % tabs.length, ArrowLeft: n - 1, Home: 0, End: -1 };
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', (event) => {
      const to = keys[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(tabs.at(to)!);
    });
  }
};

const tell = (place: string, trouble: Trouble & { code?: string }): void => {
  const box = make('div', { class: 'alert' }, make('strong', {}, trouble.title), make('p', {}, trouble.text));
  if (trouble.code) box.append(make('code', {}, trouble.code));
  if (trouble.issuer) {
    const use = make('button', { type: 'button' }, `Use ${trouble.issuer}`);
    use.addEventListener('click', () => {
      issuer.value = trouble.issuer!;
      issuer.focus(); // this button goes away
      void look();
    });
    box.append(use);
  }
  byTestId(place).replaceChildren(box);
  box.scrollIntoView({ block: 'nearest' });
};

const marks = new Map<boolean | undefined, string>([
  [true, 'yes'],
  [false, 'no'],
  [undefined, 'not said'],
]);

/** Takes away what was found at another issuer. */
const forget = () => {
  byTestId('look-trouble').replaceChildren();
  byTestId('offers').hidden = true;
  byTestId('offers-empty').hidden = false;
};

const look = async (): Promise<void> => {
  forget();
  showCode();
  const { metadata, trouble } = await discover(issuer.value.trim());
  if (trouble) tell('look-trouble', trouble);
  byTestId('offers').hidden = !metadata;
  byTestId('offers-empty').hidden = !!(metadata || trouble);
  if (metadata)
    byTestId('offer-rows').replaceChildren(
      ...offers(metadata).map(({ what, offered, then }) =>
        make('tr', {}, make('th', { scope: 'row' }, what), make('td', { 'data-equal': String(offered) }, marks.get(offered)!), make('td', {}, then)),
      ),
    );
};

let client: Client | undefined;

const open = async (): Promise<Client> => {
  client?.close();
  client = undefined;
  return (client = await openClient(configOf(choice()), { module: await module(), onEffect: (entry) => showEffect(entry), fetch: through }));
};

const showSession = async () => {
  const status = await client?.status();
  const held = status?.status === 'granted' || status?.status === 'refreshing';
  const within = byTestId('session').contains(document.activeElement);
  byTestId('session').hidden = !held;
  if (within && !held) byTestId('server-sign-in').focus();
  byTestId('server-refresh').toggleAttribute('disabled', !status?.refreshable);
  setText(byTestId('server-status'), held ? 'Signed in' : 'Signed out');
  byTestId('server-status').dataset.status = status?.status ?? 'not_authenticated';
  if (!held || !status) return;
  const { claims } = status;
  const facts: [string, string | undefined][] = [
    ['Who', claims ? String(claims.name ?? claims.preferred_username ?? claims.email ?? claims.sub) : 'not told: no ID token'],
    ['Said by', claims?.iss],
    ['Scope', status.scope || 'none'],
    ['Token', `${status.token_type ?? ''}${status.expires_at ? `, until ${new Date(status.expires_at).toLocaleTimeString()}` : ''}`],
    ['Renewable', status.refreshable ? 'yes, by a refresh token' : 'no: the server gave no refresh token'],
  ];
  byTestId('session-facts').replaceChildren(
    ...facts.filter(([, value]) => value).map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value!))),
  );
};

/** A network failure may be CORS, which only a look at the server can show. */
const diagnose = async (error: unknown, doing: Doing): Promise<Trouble & { code?: string }> => {
  const { kind, host, came, expected, code } = error as { kind?: string; host?: string; came?: string; expected?: string; code?: string };
  if (kind === 'network' && code !== 'timeout' && host)
    return {
      ...(await whyUnreadable(`${/^(127\.|localhost|\[::1\])/.test(host) ? 'http' : 'https'}://${host}/`)),
      code: [...new Set([kind, code])].join(' · '),
    };
  const told = explain(error, doing);
  if (/^(invalid_request|invalid_client|unauthorized_client)$/.test((error as { error?: string }).error ?? ''))
    return { ...told, text: `${told.text} Check the client id, that the client is public, and that the redirect URI is registered letter by letter.` };
  if (kind === 'client' && doing !== 'call') return { ...told, title: 'The client refused this configuration', text: String((error as Error).message) };
  return { ...told, ...(came && { text: `${told.text} It came: ${came}${expected ? `; expected: ${expected}` : ''}.` }) };
};

const act = (button: HTMLElement, doing: Doing, work: () => Promise<unknown>) =>
  busy(button, async () => {
    byTestId('sign-in-trouble').replaceChildren();
    try {
      await work();
    } catch (error) {
      tell('sign-in-trouble', await diagnose(error, doing));
    }
    await showSession().catch(() => {});
  });

const signIn = async () => {
  clientId.required = true; // for a sign-in, not for a look
  const complete = form.reportValidity();
  clientId.required = false;
  if (!complete) return;
  const { members: _, ...kept } = choice();
  remember(KEY, JSON.stringify(kept));
  await (await open()).signIn();
};

const restore = (): boolean => {
  try {
    const kept = JSON.parse(remembered(KEY) ?? 'null') as Choice | null;
    if (!kept) return false;
    preset.value = kept.preset ?? (kept.issuer === own && own ? OWN : '');
    showPreset();
    [issuer.value, clientId.value, scope.value, dpop.checked] = [kept.issuer, kept.client_id, kept.scope, kept.dpop];
    for (const input of variables.querySelectorAll('input')) input.value = kept.variables[input.name] ?? '';
    return true;
  } catch {
    return false;
  }
};

/** Back from the server. */
const finish = async () => {
  const reply = new URLSearchParams(location.search);
  if (!['code', 'error', 'state'].some((name) => reply.has(name))) return;
  await act(byTestId('server-sign-in'), 'callback', async () => {
    await (await open()).handleRedirect();
  });
  history.replaceState(null, '', location.pathname);
};

const copy = async (button: HTMLElement, text: string) => {
  const words = button.textContent!;
  await navigator.clipboard.writeText(text).then(
    () => setText(button, 'Copied'),
    () => setText(button, 'Select and copy it'),
  );
  setTimeout(() => setText(button, words), 2000);
};

/** Names of providers that have more than one capital. */
const spelt: Record<string, string> = { franceconnect: 'FranceConnect', github: 'GitHub', linkedin: 'LinkedIn' };

const start = async () => {
  void module().catch(() => {}); // for the facts at the top; a sign-in says what is wrong
  for (const [name, { about }] of Object.entries(presets as Record<string, Preset>))
    if (name !== 'openid') preset.append(make('option', { value: name, title: about }, spelt[name] ?? name[0]!.toUpperCase() + name.slice(1)));
  if (own) preset.append(make('option', { value: OWN }, 'The server of this demo'));
  setText(byTestId('redirect-uri'), redirect);
  setText(byTestId('origin'), location.origin);
  hearCommands(showCommand);
  startLanes(exchangeOf, 'demo.server.lanes');
  const back = restore();
  if (!back) showPreset();
  showCode();
  preset.addEventListener('change', () => {
    if (!of(preset.value)) issuer.value = '';
    showPreset();
    forget();
    showCode();
  });
  form.addEventListener('input', showCode);
  issuer.addEventListener('input', () => {
    if (preset.value === OWN) preset.value = '';
    forget();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(byTestId('look'), look);
  });
  const on = (name: string, doing: Doing, work: () => Promise<unknown>) => {
    const button = byTestId(name);
    button.addEventListener('click', () => act(button, doing, work));
  };
  on('server-sign-in', 'sign in', signIn);
  on('server-refresh', 'refresh', async () => client?.refresh());
  on('server-sign-out', 'sign out', async () => client?.logOut());
  startLanguages();
  byTestId('copy-code').addEventListener('click', () => copy(byTestId('copy-code'), byTestId('code').textContent!));
  byTestId('copy-uri').addEventListener('click', () => copy(byTestId('copy-uri'), redirect));
  addEventListener(
    'pageshow',
    ({ persisted }) => persisted && document.querySelectorAll('[aria-busy]').forEach((button) => button.removeAttribute('aria-busy')),
  );
  await finish();
  if (back && issuer.value && !of(preset.value)) await look();
};

void start();
