import { early } from './handover.js';
import { type Reply, withoutReply } from './reply.js';

/** The reply that this page was loaded with, once somebody asked for it. */
let kept: Reply | undefined = early.reply;

/** Where the page is: another URL, or one more entry of the history, and it has navigated. */
const place = () => `${history.length} ${location.href}`;

/**
 * The URLs in which there may be a reply for those who share a session: the page's own, and what it
 * was before the reply was taken out.
 */
export const repliesFor = (session: object): string[] => {
  const more = kept && (kept.asked.has(session) ? (kept.place ?? place()) === place() : !kept.taken);
  return [location.href, ...(more ? [kept!.url] : [])];
};

/**
 * Lets a session finish with the page's reply, and takes that out of the URL. It is kept for
 * sessions to come until one knows it.
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
    // An application that has navigated meanwhile stays where it is.
    if (location.href === url) history.replaceState(history.state, '', withoutReply(url, registered));
    mine.place ??= place();
  }
};
