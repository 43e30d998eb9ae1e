/** The result of a look at a server: its metadata, or why there is none, in words. */
export interface Found {
  metadata?: Metadata;
  trouble?: Trouble;
}

/** What is wrong, and what to do about it. */
export interface Trouble {
  title: string;
  text: string;
  /** The issuer that was probably meant. */
  issuer?: string;
}

/** Members of RFC 8414 section 2 that the page talks about. */
export type Metadata = Record<string, unknown> & { issuer?: unknown };

/**
 * The longest answer that is read, in characters, and how long the server may take, in
 * milliseconds.
 */
const MOST = 256_000;
const PATIENCE = 10_000;

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Where the metadata is: OpenID Connect Discovery section 4, and RFC 8414 section 3. */
const places = (issuer: string): string[] => {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [`${origin}${path}/.well-known/openid-configuration`, `${origin}/.well-known/oauth-authorization-server${path}`];
};

/** Whether this page's own policy forbade a request. */
const forbidden = (url: string): { by(): boolean; end(): void } => {
  let seen = false;
  const listen = ({ blockedURI }: SecurityPolicyViolationEvent) => {
    seen ||= url.startsWith(blockedURI) || blockedURI.startsWith(new URL(url).origin);
  };
  document.addEventListener('securitypolicyviolation', listen);
  return { by: () => seen, end: () => document.removeEventListener('securitypolicyviolation', listen) };
};

/**
 * A failed request does not say why. A second one, whose answer is not read, shows whether it is
 * CORS.
 */
export const whyUnreadable = async (url: string): Promise<Trouble> => {
  const { host, origin } = new URL(url);
  const policy = forbidden(url);
  try {
    await fetch(url, { mode: 'no-cors', cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(PATIENCE) });
    return {
      title: 'The server answers, but not to this page (CORS)',
      text: `${host} did not allow ${location.origin} to read the answer. Allow that origin in the server’s settings (web origins, allowed CORS origins), for the metadata, the token endpoint and the others. An issuer with a wrong path looks the same: check it, too.`,
    };
  } catch {
    await new Promise((resolve) => setTimeout(resolve)); // the event of the policy comes after the failure
    if (policy.by())
      return {
        title: 'This page’s own policy forbids it (CSP)',
        text: `Its connect-src allows https, and http on this machine. ${origin} is neither. In your own page, connect-src has to name the server.`,
      };
    return {
      title: 'Nobody answers there',
      text: `${host} cannot be reached from this browser: a wrong name or port, a certificate that the browser does not trust, or no network.`,
    };
  } finally {
    policy.end();
  }
};

/**
 * Reads a server's metadata, to show it. At a sign-in the client reads the metadata itself, and
 * checks it strictly.
 */
export const discover = async (issuer: string): Promise<Found> => {
  if (!URL.canParse(issuer))
    return { trouble: { title: 'The issuer is no URL', text: 'It looks like https://login.example.com, or https://login.example.com/realms/one.' } };
  const { protocol, hostname, search, hash } = new URL(issuer);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback.test(hostname)))
    return {
      trouble: {
        title: 'The issuer has to be https',
        text: 'Codes and tokens would go over the network unprotected. Only on this machine (localhost, 127.0.0.1) http will do.',
      },
    };
  if (search || hash)
    return {
      trouble: {
        title: 'The issuer has a query or a fragment',
        text: 'It is the part before them (RFC 8414 section 2).',
        issuer: issuer.replace(/[?#].*/s, ''),
      },
    };
  let status = 0;
  for (const url of places(issuer)) {
    let text: string;
    try {
      const response = await fetch(url, { cache: 'no-store', credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(PATIENCE) });
      status ||= response.status;
      if (!response.ok) continue;
      text = await response.text();
    } catch {
      return { trouble: await whyUnreadable(url) };
    }
    let metadata: Metadata;
    try {
      if (text.length > MOST) throw new RangeError();
      metadata = JSON.parse(text);
    } catch {
      return { trouble: { title: 'What is there is no metadata', text: `${url} answered with something else than JSON, or with too much of it.` } };
    }
    const own = metadata?.issuer;
    if (own === issuer || own === issuer + '/' || own + '/' === issuer) return { metadata };
    const told = typeof own === 'string' ? own.slice(0, 300) : undefined;
    return {
      metadata,
      trouble: {
        title: 'The server has another name (wrong issuer)',
        text: `It calls itself ${told ?? 'nothing'}. The client would refuse it, since anybody could claim to be that server (RFC 8414 section 3.3).`,
        ...(told && URL.canParse(told) && { issuer: told }),
      },
    };
  }
  return {
    trouble: {
      title: 'There is no metadata at that issuer',
      text: `The server answered with HTTP status ${status}, at both places where metadata may be. Is a path missing, as /realms/NAME or /oauth2/default?`,
    },
  };
};

const list = (value: unknown): string[] | undefined => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined);

/** A feature that a server offers, and what the client does with it. */
export interface Offer {
  what: string;
  /** `undefined`: the metadata does not say. */
  offered: boolean | undefined;
  then: string;
}

/** Explains metadata to people. The module has the rules; these are words for them. */
export const offers = (m: Metadata): Offer[] => {
  const has = (name: string) => typeof m[name] === 'string';
  const says = (name: string, value: string) => list(m[name])?.includes(value);
  const yes = (what: string, offered: boolean | undefined, then: string, otherwise: string): Offer => ({ what, offered, then: offered ? then : otherwise });
  return [
    yes(
      'Public clients (no secret)',
      says('token_endpoint_auth_methods_supported', 'none'),
      'A page can be a client.',
      list(m.token_endpoint_auth_methods_supported)
        ? 'The metadata do not name it. Many servers take public clients all the same.'
        : 'The metadata do not say; register the client as public.',
    ),
    yes(
      'PKCE with S256',
      says('code_challenge_methods_supported', 'S256'),
      'Sent with each sign-in.',
      'Sent all the same: a server that does not know it passes over it.',
    ),
    yes(
      'Pushed requests (PAR)',
      has('pushed_authorization_request_endpoint'),
      'The request goes there first, and the browser carries a reference (RFC 9126).',
      'The request is in the URL of the sign-in.',
    ),
    yes(
      'iss in replies',
      m.authorization_response_iss_parameter_supported === true,
      'A reply without it, or with another, is refused (RFC 9207).',
      'A reply is told by its state alone.',
    ),
    yes(
      'Tokens bound to a key (DPoP)',
      says('dpop_signing_alg_values_supported', 'ES256'),
      'Tick the box: a stolen token is then worth nothing (RFC 9449).',
      'Tokens are bearer tokens.',
    ),
    yes('Sign-in on a device', has('device_authorization_endpoint'), 'deviceSignIn() shows a code (RFC 8628).', 'deviceSignIn() is refused.'),
    yes(
      'Refresh tokens',
      says('grant_types_supported', 'refresh_token'),
      'Used once each, one tab at a time. Some servers give one for the scope offline_access only.',
      'Not named. Where one comes it is used.',
    ),
    yes('ID tokens', has('jwks_uri'), 'Verified with the server’s keys, with scope openid.', 'Leave openid out of the scope.'),
    yes('User information', has('userinfo_endpoint'), 'userinfo() asks for it.', 'What the ID token says is all.'),
    yes('Revocation', has('revocation_endpoint'), 'Signing out revokes the tokens (RFC 7009).', 'Signing out forgets the tokens; they run out by themselves.'),
    yes('Sign-out at the server', has('end_session_endpoint'), 'logOut() gives a URL that ends the session there, too.', 'The session at the server stays.'),
  ];
};
