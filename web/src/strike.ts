/** Returns the stand-in for a secret, which has the name of a member, parameter or header. */
export type StandIn = (secret: string, name: string) => string;

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Members of messages whose texts are not secret. */
const members = words(`
  id kind answer command stage method event hook status code op field expected came name alg key version redirect target
  token_type issued_token_type token_type_hint scope requested_scope pkce_method change purpose host response_mode
`);
/** Members of bodies, of stored text and of claims whose texts are not secret. */
const contents = words(`
  token_type issued_token_type scope requested_scope v for client_id iss aud azp acr amr error error_description
  code_challenge_method response_mode alg typ
`);
/**
 * Members that are URLs, in messages and contents: where they lead is not secret, but their query
 * may be.
 */
const addresses = words(`
  url issuer redirect_uri verification_uri verification_uri_complete error_uri iss resource jwks_uri post_logout_redirect_uri
`);
/** Objects of a message that contain data of a server or the store. */
const held = words('claims extra unverified token metadata');
/** Parameters of queries and forms. */
const parameters = words(`
  grant_type client_id redirect_uri scope response_type response_mode code_challenge_method token_type_hint resource prompt max_age
  acr_values iss error error_description error_uri display ui_locales post_logout_redirect_uri audience token_endpoint_auth_method
`);
const headers = words(`
  content-type accept cache-control pragma retry-after www-authenticate content-length date user-agent content-language
`);
/** Members of the configuration that are secrets; all others are the page's own text. */
const secret = words('client_secret registration client_metadata');
/** Objects that are public as a whole. */
const open = words('jwk error');

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
};

/**
 * The parameters of a query, a fragment or a form; the rest of the text stays unchanged, letter by
 * letter.
 */
const query = (text: string, put: StandIn, begin: string): string =>
  text.replace(new RegExp(`(${begin})([^=&#?]+)=([^&#]+)`, 'g'), (all, sign: string, name: string, value: string) =>
    parameters.has(decode(name)) ? all : `${sign}${name}=${encodeURIComponent(put(decode(value), decode(name)))}`,
  );

/** A URL: the reader sees where it leads, but no parameter that may be secret. */
const address = (text: string, put: StandIn): string => query(text, put, '[?&#]');

const isAddress = (text: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);

const parse = (text: string): object | undefined => {
  if (!/^\s*[{[]/.test(text)) return;
  try {
    return JSON.parse(text);
  } catch {
    return;
  }
};

/** Text of an unknown form: JSON, a form, or something that is struck out as a whole. */
const content = (text: string, put: StandIn, name: string): string => {
  const object = parse(text);
  if (object) return JSON.stringify(walk(object, put, name, contents));
  if (/^[\w.%+*-]+=/.test(text) && !/\s/.test(text)) return query(text, put, '^|&');
  return text && put(text, name);
};

const pair = (value: unknown): value is [string, string] => Array.isArray(value) && value.length === 2 && value.every((text) => typeof text === 'string');

const pairs = (list: unknown[], put: StandIn, known: Set<string>) =>
  list.map((item) => (pair(item) && !known.has(item[0].toLowerCase()) ? [item[0], put(item[1], item[0])] : item));

const configuration = (config: object, put: StandIn): object =>
  Object.fromEntries(Object.entries(config).map(([name, value]) => [name, secret.has(name) ? strings(value, put, name) : value]));

/** Every text within a value. */
const strings = (value: unknown, put: StandIn, name: string): unknown => {
  if (typeof value === 'string') return put(value, name);
  if (Array.isArray(value)) return value.map((item) => strings(item, put, name));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, strings(item, put, name)]));
  return value;
};

/** Replaces every text that is not known to be public. */
const walk = (value: unknown, put: StandIn, name: string, known = members): unknown => {
  if (typeof value === 'string') {
    if (name === 'text' || name === 'value') return content(value, put, name);
    if (name === 'base64') return btoa(put(atob(value), name));
    if (isAddress(value) && (addresses.has(name) || name.endsWith('_endpoint'))) return address(value, put);
    return known.has(name) ? value : put(value, name);
  }
  if (!value || typeof value !== 'object') return value;
  if (open.has(name) && !Array.isArray(value)) return value;
  if (name === 'config') return configuration(value, put);
  if (Array.isArray(value)) {
    if (name === 'headers') return pairs(value, put, headers);
    if (name === 'parameters') return pairs(value, put, parameters);
    return value.map((item) => walk(item, put, name, known));
  }
  if (held.has(name)) known = contents;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, put, name, known)]));
};

/** Stages whose answers are public: the server's metadata, and its keys. */
const published = /^(discovery|jwks|resource_metadata)$/;

/**
 * Replaces the secrets of a message between page and module.
 *
 * @param text the message, JSON as core/contract/README.md describes it
 * @param put returns the stand-in for each secret
 * @param asked the effect that the message answers, if it is an answer
 */
export const withoutSecrets = (text: string, put: StandIn, asked?: string): string => {
  const message = JSON.parse(text) as { entropy?: string; kind?: string; stage?: string; key?: string };
  const question = asked ? (JSON.parse(asked) as typeof message) : message;
  const isPublic =
    (question.kind === 'http' && published.test(question.stage ?? '')) || (/^(load|store)$/.test(question.kind ?? '') && question.key?.endsWith('.metadata'));
  if (!isPublic) return JSON.stringify(walk(message, put, ''));
  return JSON.stringify({ ...message, ...(message.entropy && { entropy: put(message.entropy, 'entropy') }) });
};

/** A secret as it is displayed. */
export const struck = (secret: string): string => `█████ (${secret.length})`;
