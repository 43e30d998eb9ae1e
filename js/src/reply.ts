/**
 * What servers put into the query of a reply, by the standards: RFC 6749 section 4.1.2 and 4.1.2.1,
 * RFC 9207 section 2, OpenID Connect Session Management section 2, JARM section 2.3.1; and by their
 * documentation: Google, Microsoft, Facebook.
 */
const REPLY =
  /^(code|state|iss|response|session_state|error|error_(description|uri|reason|code|message)|scope|authuser|prompt|hd|client_info|(granted|denied)_scopes)$/;

/** A reply, and who asked for it. */
export interface Reply {
  url: string;
  asked: Set<object>;
  /** Somebody has redeemed it, or nobody else could. */
  taken: boolean;
  /** Where the page was when the reply had left its URL. */
  place?: string;
}

/** Facebook and Instagram end a reply so, for no router to see; and a fragment may be empty. */
const MARK = /^#?(_=_|_)?$/;

/**
 * The URL without the reply. Whatever stands in the registered redirect URI is the application's,
 * and so is what servers are not known to add; that is left letter by letter as it is.
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
