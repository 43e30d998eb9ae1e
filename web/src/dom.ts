/** An element that page/index.html has. */
export const byId = (id: string): HTMLElement => document.getElementById(id)!;

/** An element by the name that tests know it under. */
export const byTestId = <E extends HTMLElement = HTMLElement>(name: string): E => document.querySelector<E>(`[data-testid="${name}"]`)!;

/** Makes an element; children that are strings become text, never markup. */
export const make = (tag: string, attributes: Record<string, string> = {}, ...children: (Node | string)[]): HTMLElement => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

/** Sets text, but only where it differs: a live region would say the same thing again. */
export const setText = (element: HTMLElement, text: string): void => {
  if (element.textContent !== text) element.textContent = text;
};

/**
 * Carries out what a button is for. It shows that it works, and takes no second click meanwhile; it
 * keeps the keyboard's place.
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
 * What this tab remembers over the way to the server and back; nothing where the browser keeps no
 * data for the site.
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
    // The page works without; only the log and the choice of store are lost.
  }
};
