/** Parameters of an authorization response (RFC 6749 section 4.1.2 and 4.1.2.1, RFC 9207 section 2, OpenID Connect Session Management, JARM section 2.3.1). */
const REPLY = ['code', 'error', 'state', 'error_description', 'error_uri', 'iss', 'session_state', 'response'];

/** The URL without the reply. */
export const withoutReply = (url: string): string => {
  const page = new URL(url);
  REPLY.forEach((name) => page.searchParams.delete(name));
  return page.href;
};
