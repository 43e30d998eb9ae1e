// The module alone: a host that carries out every effect at once, as a test demands, and the cost
// of an input for the module and for sessions that share it. The module counts its work itself, so
// nothing else on the machine matters.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { instantiate } from '../../../wasm_exec.js';
import { doubled } from './growth.mjs';
import { cookies, forms, headers, json, paths } from './shapes.mjs';

const now = 1_700_000_000_000;
const as = 'https://as.example';
const site = 'https://app.example';
const type = ['content-type', 'application/json'];
const formType = ['content-type', 'application/x-www-form-urlencoded'];
const silent = new Set(['event', 'remember', 'result', 'unlock', 'http-cancel', 'timer', 'timer-cancel']);

const encode = (text) => Buffer.from(text).toString('base64url');
const jwt = (claims, header = '{"alg":"ES256","kid":"1"}') => `${encode(header)}.${encode(claims)}.Z29vZA`;
const key = '{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}';
const claims = (nonce, more = '') => `{"iss":"${as}","sub":"jane","aud":"c","exp":${now / 1000 + 300},"iat":${now / 1000},"nonce":"${nonce}","sid":"s"${more}}`;
const tokens = (more = '') => `{"access_token":"a","token_type":"Bearer","refresh_token":"r","expires_in":3600${more}}`;

/** An answer to a request, as JSON unless there are other headers. */
const answer = (text, { status = 200, more = [] } = {}) => `"ok":${JSON.stringify({ status, headers: [type, ...more], body: { text } })}`;

const endpoints = Object.fromEntries(
  ['authorization', 'token', 'revocation', 'userinfo', 'introspection', 'device_authorization', 'registration'].map((name) => [
    `${name}_endpoint`,
    `${as}/${name}`,
  ]),
);
const client = {
  issuer: as,
  client_id: 'c',
  client_secret: 's',
  scope: 'openid',
  redirect_uri: `${site}/cb`,
  jwks_uri: `${as}/jwks`,
  token_destinations: ['https://api.example/'],
  ...endpoints,
};
const { redirect_uri, token_destinations, device_authorization_endpoint, ...confidential } = client;
const callers = [{ client_id: 'svc', secret_sha256: 'x'.repeat(43), grant_types: ['client_credentials'], scope: 'read' }];
const backend = { client: confidential, base: `${site}/auth`, proxy: [{ path: '/api', target: 'https://api.example/v1' }], callers };

/** One instance with everything that a host needs. */
class Host {
  store = new Map();
  answers = {};
  last = 0;

  constructor(instance) {
    this.instance = instance;
  }

  input(handle, members) {
    const text = `{"now":${now},"entropy":"${randomBytes(32).toString('base64url')}",${members}}`;
    return handle ? this.instance.input(handle, text) : this.instance.open(text);
  }

  /** The answer to an effect, as members of the input. */
  answer(effect) {
    const given = this.answers[effect.kind]?.(effect);
    if (given) return given;
    const { kind } = effect;
    const held = this.store.get(effect.key) ?? { version: '' };
    if (kind === 'load') return `"ok":${JSON.stringify(held)}`;
    if (kind === 'store') {
      const version = `${Number(held.version) + 1}`;
      this.store.set(effect.key, effect.delete ? { version } : { value: effect.value, version });
      return `"ok":{"version":"${version}"}`;
    }
    if (kind === 'seal') return `"ok":{"sealed":"k.${encode(effect.text)}"}`;
    if (kind === 'unseal') return `"ok":${JSON.stringify({ text: Buffer.from(effect.sealed.slice(2), 'base64url').toString() })}`;
    if (kind === 'verify') return '"ok":{"valid":true}';
    if (kind === 'proxy') return answer('{}');
    if (kind === 'http') return answer(effect.url.endsWith('/jwks') ? `{"keys":[${key}]}` : tokens());
    return '"ok":{}';
  }

  /** Answers effects until there are none. */
  drain(handle) {
    const seen = [];
    const waiting = [];
    const take = () => {
      for (let text = this.instance.effect(handle); text; text = this.instance.effect(handle)) {
        const effect = JSON.parse(text);
        seen.push(effect);
        if (!silent.has(effect.kind)) waiting.push(effect);
      }
    };
    take();
    while (waiting.length) {
      const effect = waiting.shift();
      const id = `"answer":"${effect.id}"`;
      const code = this.input(handle, `${id},${this.answer(effect)}`);
      if (code === 3) this.input(handle, `${id},"failed":{"kind":"too_large"}`);
      else assert.equal(code, 0, `${code} for ${effect.kind}`);
      take();
    }
    return seen;
  }

  open(kind, config, more = '') {
    const handle = this.input(0, `"kind":"${kind}","config":${JSON.stringify(config)}${more}`);
    if (!handle) throw new Error(this.instance.effect(0));
    this.drain(handle);
    return handle;
  }

  run(handle, command, members = '') {
    const code = this.input(handle, `"command":"${command}","id":${(this.last += 1)}${members}`);
    return { code, seen: code ? [] : this.drain(handle) };
  }

  /** A request to the backend: its `respond`. */
  request(handle, method, url, { headers: list = [], body } = {}) {
    if (body !== undefined) this.answers.body = () => `"ok":${JSON.stringify({ body: { text: body } })}`;
    const { seen } = this.run(
      handle,
      'request',
      `,"request":"r","method":"${method}","url":${JSON.stringify(url)},"headers":${JSON.stringify(list)}${body === undefined ? '' : `,"body":{"ref":"r","length":${body.length}}`}`,
    );
    return seen.find(({ kind }) => kind === 'respond');
  }

  /** Signs in at the backend: the Cookie header. */
  signIn(handle) {
    const begun = this.request(handle, 'GET', `${site}/auth/login`);
    const pairs = (respond) => respond.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value.split(';')[0]);
    const query = new URL(begun.headers.find(([name]) => name === 'location')[1]).searchParams;
    this.answers.http = ({ url }) => url.endsWith('/token') && answer(tokens(`,"id_token":"${jwt(claims(query.get('nonce')))}"`));
    const done = this.request(handle, 'GET', `${site}/auth/callback?code=x&state=${query.get('state')}`, { headers: [['cookie', pairs(begun)[0]]] });
    this.answers = {};
    return pairs(done).find((pair) => pair.startsWith('__Host-oauth2=') && pair.length > 20);
  }
}

const page = [
  ['x-csrf', '1'],
  ['origin', site],
];

/** The places where somebody else's JSON value comes in: what is run with it, after `before`. */
const values = {
  'a token answer': (host, at, value) => {
    host.answers.http = () => answer(tokens(`,"x":${value}`));
    host.run(at, 'exchange', ',"code":"x"');
  },
  'an ID token': (host, at, value) => {
    host.answers.http = ({ url }) => url.endsWith('/token') && answer(tokens(`,"id_token":"${jwt(claims('n', `,"x":${value}`))}"`));
    host.run(at, 'exchange', ',"code":"x","nonce":"n"');
  },
  'the head of an ID token': (host, at, value) => {
    host.answers.http = ({ url }) => url.endsWith('/token') && answer(tokens(`,"id_token":"${jwt(claims('n'), `{"alg":"ES256","kid":"1","x":${value}}`)}"`));
    host.run(at, 'exchange', ',"code":"x","nonce":"n"');
  },
  'a key set': (host, at, value) => {
    host.answers.http = ({ url }) => answer(url.endsWith('/jwks') ? `{"x":${value},"keys":[${key}]}` : tokens(`,"id_token":"${jwt(claims('n'))}"`));
    host.run(at, 'exchange', ',"code":"x","nonce":"n"');
  },
  userinfo: (host, at, value) => {
    host.run(at, 'set_token', `,"token":${tokens()}`);
    host.answers.http = () => answer(`{"sub":"jane","x":${value}}`);
    host.run(at, 'userinfo');
  },
  'an introspection': (host, at, value) => {
    host.answers.http = () => answer(`{"active":true,"x":${value}}`);
    host.run(at, 'introspect', ',"token":"t"');
  },
  'an error': (host, at, value) => {
    host.answers.http = () => answer(`{"error":"invalid_grant","x":${value}}`, { status: 400 });
    host.run(at, 'exchange', ',"code":"x"');
  },
  'a device authorization': (host, at, value) => {
    host.answers.http = () => answer(`{"device_code":"d","user_code":"u","verification_uri":"${as}/d","expires_in":600,"x":${value}}`);
    host.run(at, 'device_start');
  },
  metadata: (host, at, value) => {
    host.answers.http = ({ url }) =>
      url.includes('.well-known') ? answer(`{"issuer":"${as}","token_endpoint":"${as}/t","authorization_endpoint":"${as}/a","x":${value}}`) : undefined;
    const { token_endpoint, authorization_endpoint, jwks_uri, ...config } = client;
    host.run(host.open('client', { ...config, name: 'd', scope: 'x', discovery: true }), 'authorize');
  },
  'a parameter of a command': (host, at, value) => host.run(at, 'set_token', `,"token":{"access_token":"a","token_type":"Bearer","x":${value}}`),
  'a member that nobody knows': (host, at, value) => host.run(at, 'status', `,"x":${value}`),
  'what is stored': (host, at, value) => {
    host.answers.load = () => `"ok":${JSON.stringify({ value: `{"v":1,"x":${value}}`, version: '1' })}`;
    host.run(host.open('client', { ...client, name: 's' }), 'status');
  },
};

/** What a client's caller passes, in each form. */
const clients = {
  ...Object.fromEntries(
    Object.entries(forms).map(([name, of]) => [
      `a callback of ${name}`,
      (host, at, n) => host.run(at, 'callback', `,"url":${JSON.stringify(`${site}/cb?${of(n)}&state=x&code=y`)}`),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(forms).map(([name, of]) => [`pasted, ${name}`, (host, at, n) => host.run(at, 'callback', `,"state":"x","pasted":${JSON.stringify(of(n))}`)]),
  ),
  ...Object.fromEntries(
    Object.entries(headers).map(([name, of]) => [
      `a token answer with ${name}`,
      (host, at, n) => {
        host.answers.http = () => answer(tokens(), { more: of(n) });
        host.run(at, 'exchange', ',"code":"x"');
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(headers).map(([name, of]) => [
      `an answer of a resource with ${name}`,
      (host, at, n) => {
        host.run(at, 'set_token', `,"token":${tokens()}`);
        host.run(at, 'answered', `,"url":"https://api.example/x","method":"GET","status":401,"headers":${JSON.stringify(of(n))}`);
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(paths).map(([name, of]) => [
      `a resource of ${name}`,
      (host, at, n) => {
        host.run(at, 'set_token', `,"token":${tokens()}`);
        host.run(at, 'prepare', `,"url":"https://api.example${of(n)}"`);
      },
    ]),
  ),
  'parameters of an authorization request': (host, at, n) =>
    host.run(at, 'authorize', `,"parameters":${JSON.stringify(Array.from({ length: n / 12 }, (_, i) => [`p${i}`, '1']))}`),
  'a scope of many words': (host, at, n) => {
    host.answers.http = () => answer(tokens(`,"scope":"${'a '.repeat(n / 2)}a"`));
    host.run(at, 'exchange', ',"code":"x"');
  },
  'a key set of many keys': (host, at, n) => {
    host.answers.http = ({ url }) =>
      answer(
        url.endsWith('/jwks')
          ? `{"keys":[${Array(Math.ceil(n / 40)).fill('{"kty":"EC","crv":"P-256","kid":"2"}')},${key}]}`
          : tokens(`,"id_token":"${jwt(claims('n'))}"`),
      );
    host.run(at, 'exchange', ',"code":"x","nonce":"n"');
  },
};

/** Requests of a browser or a service to the backend, and answers of a resource. */
const requests = {
  ...Object.fromEntries(
    Object.entries(headers).map(([name, of]) => [
      `a request with ${name}`,
      (host, at, n, cookie) => host.request(at, 'GET', `${site}/api/x`, { headers: [...page, ['cookie', cookie], ...of(n)] }),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(headers).map(([name, of]) => [
      `an answer with ${name}`,
      (host, at, n, cookie) => {
        host.answers.proxy = () => answer('x', { status: name.includes('challenge') ? 401 : 200, more: of(n) });
        host.request(at, 'GET', `${site}/api/x`, { headers: [...page, ['cookie', cookie]] });
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(cookies).map(([name, of]) => [
      `a sign-in with ${name}`,
      (host, at, n) => host.request(at, 'GET', `${site}/auth/login`, { headers: [['cookie', of(n)]] }),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(paths).map(([name, of]) => [
      `a request for ${name}`,
      (host, at, n, cookie) => host.request(at, 'GET', `${site}/api${of(n)}`, { headers: [...page, ['cookie', cookie]] }),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(forms).flatMap(([name, of]) => [
      [`a query of ${name}`, (host, at, n) => host.request(at, 'GET', `${site}/auth/session?${of(n)}`, { headers: page })],
      [`a sign-in with ${name}`, (host, at, n) => host.request(at, 'GET', `${site}/auth/login?${of(n)}`)],
      ...['exchange', 'callback', 'backchannel_logout'].map((path) => [
        `${path} of ${name}`,
        (host, at, n) => host.request(at, 'POST', `${site}/auth/${path}`, { headers: [formType], body: of(n) }),
      ]),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(json).flatMap(([name, of]) => [
      [
        `a logout token of ${name}`,
        (host, at, n) =>
          host.request(at, 'POST', `${site}/auth/backchannel_logout`, {
            headers: [formType],
            body: `logout_token=${jwt(`{"iss":"${as}","x":${of(n * 0.7)}}`)}`,
          }),
      ],
      [
        `a logout token with a head of ${name}`,
        (host, at, n) =>
          host.request(at, 'POST', `${site}/auth/backchannel_logout`, {
            headers: [formType],
            body: `logout_token=${jwt('{}', `{"alg":"ES256","kid":"1","x":${of(n * 0.7)}}`)}`,
          }),
      ],
    ]),
  ),
};

/** An instance of a module that counts its work, and the count. */
const counted = async (module) => {
  const make = WebAssembly.instantiate;
  let work;
  WebAssembly.instantiate = async (...given) => {
    const instance = await make(...given);
    ({ work } = instance.exports); // the loader keeps them to itself
    return instance;
  };
  try {
    const instance = await instantiate(module);
    return { instance, work: () => Number(work.value) };
  } finally {
    WebAssembly.instantiate = make;
  }
};

/**
 * The costs of one run on a new instance, and of small commands of another session after it,
 * because sessions of an instance share its heap.
 */
const costs = async (module, prepare) => {
  const { instance, work } = await counted(module);
  const host = new Host(instance);
  const { run, bystander } = prepare(host);
  const [memory, began] = [instance.memoryBytes, work()];
  run();
  const ran = work();
  host.answers = {}; // the bystander's own are small
  for (let i = 0; i < 20; i += 1) bystander();
  return { work: ran - began, 'work of others': work() - ran, heap: instance.memoryBytes - memory };
};

const status = (host) => {
  const handle = host.open('client', { ...client, name: 'bystander' });
  return () => host.run(handle, 'status');
};

/**
 * All inputs, by name: sizes, and the cost of a run.
 *
 * @param {WebAssembly.Module} module oauth2-edge.wasm, compiled, that counts its work
 */
export const inputs = (module) => {
  const all = {};
  const add = (name, most, prepare) => (all[name] = { sizes: doubled(most), run: (n) => costs(module, (host) => prepare(host, n)) });
  for (const [place, run] of Object.entries(values)) {
    for (const [shape, of] of Object.entries(json)) {
      add(`${place}: ${shape}`, 200_000, (host, n) => {
        const bystander = status(host);
        const handle = host.open('client', client);
        return { run: () => run(host, handle, of(n)), bystander };
      });
    }
  }
  for (const [name, run] of Object.entries(clients)) {
    add(name, 64_000, (host, n) => {
      const bystander = status(host);
      const handle = host.open('client', client);
      return { run: () => run(host, handle, n), bystander };
    });
  }
  for (const [name, run] of Object.entries(requests)) {
    add(`backend: ${name}`, 64_000, (host, n) => {
      const handle = host.open('bff', backend);
      const cookie = host.signIn(handle);
      const bystander = () => assert.equal(host.request(handle, 'GET', `${site}/auth/session`, { headers: page }).status, 401);
      return { run: () => run(host, handle, n, cookie), bystander };
    });
  }
  return all;
};
