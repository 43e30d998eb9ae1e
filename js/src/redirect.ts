/**
 * What servers put into the query of a reply, by the standards: RFC 6749 section 4.1.2 and 4.1.2.1, RFC 9207 section 2, OpenID Connect Session
 * Management section 2, JARM section 2.3.1; and by their documentation: Google, Microsoft, Facebook.
 */
const REPLY =
  /^(code|state|iss|response|session_state|error|error_(description|uri|reason|code|message)|scope|authuser|prompt|hd|client_info|(granted|denied)_scopes)$/;

/** Facebook and Instagram end a reply so, for no router to see; and a fragment may be empty. */
const MARK = /^#?(_=_|_)?$/;

/**
 * The URL without the reply. Whatever stands in the registered redirect URI is the application's, and so is what servers are not known to
 * add; that is left letter by letter as it is.
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

/** The reply that this page was loaded with, once somebody asked for it. */
let kept: { url: string; asked: Set<object>; taken: boolean; place?: string } | undefined;

/** Where the page is: another URL, or one more entry of the history, and it has navigated. */
const place = () => `${history.length} ${location.href}`;

/** The URLs in which there may be a reply for those who share a session: the page's own, and what it was before the reply was taken out. */
export const repliesFor = (session: object): string[] => {
  const more = kept && (kept.asked.has(session) ? (kept.place ?? place()) === place() : !kept.taken);
  return [location.href, ...(more ? [kept!.url] : [])];
};

/** Lets a session finish with the page's reply, and takes that out of the URL. It is kept for sessions to come until one knows it. */
export const takeReply = async <T>(session: object, url: string, registered: string, finish: () => Promise<T>): Promise<T> => {
  if (kept?.url !== url) kept = { url, asked: new Set(), taken: false };
  const mine = kept;
  mine.asked.add(session);
  let taken = true;
  try {
    return await finish();
  } catch (error) {
    taken = !['wrong_state', 'missing_state'].includes((error as { code: string }).code);
    throw error;
  } finally {
    mine.taken ||= taken;
    // An application that has navigated meanwhile stays where it is.
    if (location.href === url) history.replaceState(history.state, '', withoutReply(url, registered));
    mine.place ??= place();
  }
};
