import { alone } from './config.js';

/** The views of this page, by the fragment that shows them. */
const views = ['try', 'proof'];

/** A conversation in the fragment is for the proof, and so is a page without a server. */
const wanted = (): string => {
  const name = location.hash.slice(1);
  if (views.includes(name)) return name;
  return alone || name.startsWith('c=') ? 'proof' : 'try';
};

const show = async (chosen: boolean) => {
  const name = wanted();
  for (const view of views) {
    document.getElementById(view)!.hidden = view !== name;
    const link = document.querySelector(`nav a[href="#${view}"]`)!;
    if (view === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${name === 'proof' ? 'Proof' : 'Try it'} · oauth2-wasm demo`;
  // Whoever chose a view goes on in it, and hears its name.
  if (chosen) document.querySelector<HTMLElement>(`#${name} h1`)!.focus({ preventScroll: true });
  if (name !== 'proof') return;
  const { startProof, readFragment } = await import('./proof.js');
  startProof();
  if (location.hash.startsWith('#c=')) await readFragment(location.hash.slice(3));
};

/** Shows the view that the URL names, and follows it. */
export const startTabs = (): void => {
  addEventListener('hashchange', () => void show(true));
  void show(false);
};
