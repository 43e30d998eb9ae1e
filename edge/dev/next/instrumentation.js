// Next calls this before it serves: the backend is opened, and ends in order at SIGTERM.
export const register = async () => {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { opened } = await import('./opened.mjs');
  const { closeNext, endOnSignal } = await import('./stop.mjs');
  const { backend, closeStore } = await opened().catch((error) => {
    console.error(error);
    process.exit(1); // Next would go on, and answer everything with 500
  });
  endOnSignal(backend, closeNext(), closeStore);
};
