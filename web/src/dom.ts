/** An element that page/index.html has. */
export const byId = (id: string): HTMLElement => document.getElementById(id)!;

/** An element by its name for tests. */
export const byTestId = <E extends HTMLElement = HTMLElement>(name: string): E => document.querySelector<E>(`[data-testid="${name}"]`)!;

/** Makes an element; children that are strings become text, never markup. */
export const make = (tag: string, attributes: Record<string, string> = {}, ...children: (Node | string)[]): HTMLElement => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

/** Sets text only if it differs, because a live region would announce the same text again. */
export const setText = (element: HTMLElement, text: string): void => {
  if (element.textContent !== text) element.textContent = text;
};

/**
 * Carries out a button's action. Meanwhile the button shows that it is busy, accepts no second
 * click, and keeps the keyboard focus.
 */
export const busy = async <T>(button: HTMLElement, work: () => Promise<T>): Promise<T | undefined> => {
  if (button.hasAttribute('aria-busy')) return;
  button.setAttribute('aria-busy', 'true');
  try {
    return await work();
  } finally {
    button.removeAttribute('aria-busy');
  }
};

/**
 * A text that this tab remembers over the redirect to the server and back; null if the browser
 * stores no data for the site.
 */
export const remembered = (key: string): string | null => {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
};

/** Remembers a text for this tab, or forgets it. */
export const remember = (key: string, text: string | null): void => {
  try {
    if (text === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch {
    // The page works without it; only the log and the choice of store are lost.
  }
};
