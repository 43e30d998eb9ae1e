/** The views of this page, by the fragment that shows them; any other fragment shows the first. */
const views = ['try', 'proof'];

/** A conversation in the fragment is for the proof. */
const wanted = (): string => {
  const name = location.hash.slice(1);
  return name.startsWith('c=') ? 'proof' : views.includes(name) ? name : views[0]!;
};

const show = async () => {
  const name = wanted();
  for (const view of views) {
    document.getElementById(view)!.hidden = view !== name;
    const link = document.querySelector(`nav a[href="#${view}"]`)!;
    if (view === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${name === 'proof' ? 'Proof' : 'Try it'} · oauth2-wasm demo`;
  if (name !== 'proof') return;
  const { startProof, readFragment } = await import('./proof.js');
  startProof();
  if (location.hash.startsWith('#c=')) await readFragment(location.hash.slice(3));
};

/** Shows the view that the URL names, and follows it. */
export const startTabs = (): void => {
  addEventListener('hashchange', () => void show());
  void show();
};
