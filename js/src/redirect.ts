/** Parameters of an authorization response (RFC 6749 section 4.1.2 and 4.1.2.1, RFC 9207 section 2, OpenID Connect Session Management). */
const REPLY = ['code', 'error', 'state', 'error_description', 'error_uri', 'iss', 'session_state'];

const place = ({ protocol, host, pathname }: URL) => protocol + host + pathname;

/** Whether a URL may be the server's reply to a request with that redirect URI; the core judges what it says. */
export const isReply = (url: string, redirectUri: string | undefined): boolean => {
  const reply = new URL(url);
  if (redirectUri && place(reply) !== place(new URL(redirectUri))) return false;
  return REPLY.slice(0, 3).some((name) => reply.searchParams.has(name));
};

/** The URL without the reply. */
export const withoutReply = (url: string): string => {
  const page = new URL(url);
  REPLY.forEach((name) => page.searchParams.delete(name));
  return page.href;
};
