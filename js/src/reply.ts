/**
 * The parameters that servers put into a reply, by the standards: RFC 6749 section 4.1.2 and
 * 4.1.2.1, RFC 9207 section 2, OpenID Connect Session Management section 2, JARM section 2.3.1; and
 * by their documentation: Google, Microsoft, Facebook.
 */
const REPLY =
  /^(code|state|iss|response|session_state|error|error_(description|uri|reason|code|message)|scope|authuser|prompt|hd|client_info|(granted|denied)_scopes)$/;

/** A reply, and the sessions that asked for it. */
export interface Reply {
  url: string;
  asked: Set<object>;
  /** A session has redeemed it, or no other session could. */
  taken: boolean;
  /** The page's place after the reply was removed from its URL. */
  place?: string;
}

/**
 * Facebook and Instagram end a reply in this way, which no router should see. A fragment may also
 * be empty.
 */
const MARK = /^#?(_=_|_)?$/;

/**
 * The URL without the reply. Everything in the registered redirect URI belongs to the application,
 * and so do parameters that servers are not known to add. They stay unchanged, letter by letter.
 */
export const withoutReply = (url: string, registered: string): string => {
  const page = new URL(url);
  const own = String(new URLSearchParams(registered.split('?')[1])).split('&');
  const kept = (item: string) => {
    const read = new URLSearchParams(item);
    return own.includes(String(read)) || ![...read].some(([name]) => REPLY.test(name));
  };
  page.search = page.search.slice(1).split('&').filter(kept).join('&');
  if (MARK.test(page.hash)) page.hash = '';
  return page.href;
};
