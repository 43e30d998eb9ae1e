/** The text that requires something: a title, and an address if it has one. */
export interface Section {
  title: string;
  url?: string;
}

const rfc = (number: number, section: string, what: string): Section => ({
  title: `RFC ${number} section ${section}: ${what}`,
  url: `https://www.rfc-editor.org/rfc/rfc${number}#section-${section}`,
});

const openid = (section: string, what: string): Section => ({
  title: `OpenID Connect Core section ${section}: ${what}`,
  url: 'https://openid.net/specs/openid-connect-core-1_0.html',
});

/** The rules of core/contract/README.md, by their first words there. */
const rule = (what: string): Section => ({ title: `core/contract/README.md, Rules: ${what}` });

const stages: Record<string, Section> = {
  discovery: rfc(8414, '3', 'the server’s metadata'),
  jwks: rfc(7517, '5', 'the server’s keys'),
  pushed_authorization: rfc(9126, '2.1', 'the request is pushed'),
  token: rfc(6749, '4.1.3', 'the code is exchanged'),
  refresh: rfc(6749, '6', 'the token is refreshed'),
  device_authorization: rfc(8628, '3.1', 'a device asks for a code'),
  polling: rfc(8628, '3.4', 'the device asks whether it was approved'),
  revocation: rfc(7009, '2.1', 'a token is revoked'),
  userinfo: openid('5.3', 'userinfo'),
  resource_metadata: rfc(9728, '3', 'what a resource says of itself'),
};

const commands: Record<string, Section> = {
  authorize: rfc(6749, '4.1.1', 'the authorization request'),
  callback: rfc(6749, '4.1.2', 'the authorization response'),
  refresh: rfc(6749, '6', 'the token is refreshed'),
  device_start: rfc(8628, '3.1', 'a device asks for a code'),
  device_wait: rfc(8628, '3.4', 'the device asks whether it was approved'),
  poll_start: rfc(8628, '3.5', 'asking again'),
  poll_stop: rfc(8628, '3.5', 'asking again'),
  prepare: rfc(9449, '7.1', 'a token that is bound to a key, at the API'),
  token: rfc(9449, '7.1', 'a token that is bound to a key, at the API'),
  userinfo: openid('5.3', 'userinfo'),
  log_out: { title: 'OpenID Connect RP-Initiated Logout section 2', url: 'https://openid.net/specs/openid-connect-rpinitiated-1_0.html' },
};

const kinds: Record<string, Section> = {
  load: rule('Restoring'),
  store: rule('Persist before use'),
  lock: rule('Refresh'),
  unlock: rule('Refresh'),
  timer: rule('Timers'),
  'timer-cancel': rule('Timers'),
  'http-cancel': rule('One at a time'),
  key: rfc(9449, '4', 'the key that tokens are bound to'),
  sign: rfc(9449, '4.2', 'a proof of that key'),
  verify: openid('3.1.3.7', 'the ID token is verified'),
  fetch: rfc(9449, '7.1', 'a token that is bound to a key, at the API'),
  event: { title: 'core/contract/README.md, Effects: events' },
  result: { title: 'core/contract/README.md, Effects: results' },
};

/** The section that a line of the lanes follows from. */
export const sectionOf = ({
  kind,
  stage,
  name,
  thing,
}: {
  kind: string;
  stage?: string | undefined;
  name?: string | undefined;
  thing?: string | undefined;
}): Section | undefined => {
  if (kind === 'http') return stages[stage ?? ''];
  if (kind === 'command' || kind === 'result') return commands[name ?? ''] ?? kinds[kind];
  if (kind === 'store' && thing === 'attempts') return rule('Give out after store');
  return kinds[kind];
};
