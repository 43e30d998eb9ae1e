import { early } from './handover.js';
import { type Reply, withoutReply } from './reply.js';

/** The reply with which this page was loaded, once a client has asked for it. */
let kept: Reply | undefined = early.reply;

/** The page's place. If the URL or the length of the history differs, the page has navigated. */
const place = () => `${history.length} ${location.href}`;

/**
 * The URLs that may contain a reply for the clients of a session: the page's own, and the one
 * before the reply was removed.
 */
export const repliesFor = (session: object): string[] => {
  const more = kept && (kept.asked.has(session) ? (kept.place ?? place()) === place() : !kept.taken);
  return [location.href, ...(more ? [kept!.url] : [])];
};

/**
 * Lets a session finish with the page's reply, and removes it from the URL. The reply is kept for
 * later sessions until one recognizes it.
 */
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
    // If the application has navigated meanwhile, its URL is not changed.
    if (location.href === url) history.replaceState(history.state, '', withoutReply(url, registered));
    mine.place ??= place();
  }
};
