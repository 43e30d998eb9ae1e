import type { Instance } from 'oauth2-wasm/host';

/**
 * It uses reserved names (RFC 2606), and nothing is sent. The secret is only that of the caller
 * below.
 */
const config = {
  client: {
    issuer: 'https://as.invalid',
    client_id: 'a',
    client_secret: 'b',
    authorization_endpoint: 'https://as.invalid/a',
    token_endpoint: 'https://as.invalid/t',
  },
  base: 'https://app.invalid/auth',
  callers: [
    {
      client_id: 'c',
      secret_sha256: '3J_P5-le7LaRdjOQTBMLNhz_NN_Xv3nMVOL7O1065vA',
      grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      audience: ['d'],
      scope: 'e',
    },
  ],
};
const exchange = {
  command: 'request',
  id: 1,
  request: 'r',
  method: 'POST',
  url: 'https://app.invalid/auth/exchange',
  headers: [['content-type', 'application/x-www-form-urlencoded']],
  body: { ref: 'r' },
};
const form = `grant_type=${encodeURIComponent(config.callers[0]!.grant_types[0]!)}&client_id=c&client_secret=${'rehearsal'.repeat(4)}&subject_token=s&subject_token_type=t&audience=d`;
const login = { command: 'request', id: 2, request: 'r', method: 'GET', url: 'https://app.invalid/auth/login', headers: [] };
const ok: Record<string, object> = {
  http: {
    status: 200,
    headers: [['content-type', 'application/json']],
    body: { text: '{"access_token":"a","issued_token_type":"t","token_type":"Bearer","expires_in":300,"scope":"e"}' },
  },
  body: { body: { text: form } },
  seal: { sealed: 's' },
};

/**
 * Plays a token exchange and the beginning of a sign-in to an instance, with made-up answers:
 * engines compile a function when it is first called, so otherwise the first request would wait for
 * that. The session is closed afterwards. Its entropy is not random, because a Worker has no
 * randomness while it is loaded.
 */
export const rehearse = (instance: Instance): void => {
  let inputs = 0;
  const head = () => ({ now: 1, entropy: String(inputs++).padStart(44, 'A') });
  const handle = instance.open(JSON.stringify({ ...head(), kind: 'bff', config }));
  const queue: object[] = [exchange, login];
  for (let next; (next = queue.shift()); ) {
    instance.input(handle, JSON.stringify({ ...head(), ...next }));
    for (let text; (text = instance.effect(handle)); ) {
      const { id, kind } = JSON.parse(text);
      if (kind !== 'result' && kind !== 'remember') queue.push({ answer: id, ok: ok[kind] ?? {} });
    }
  }
  instance.close(handle);
};
