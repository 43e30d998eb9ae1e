import react from '@vitejs/plugin-react';

export default {
  plugins: [react()],
  // The vault keeps a session for the script of one URL, so this name must not change by release.
  worker: { rolldownOptions: { output: { entryFileNames: 'auth-worker.js' } } },
};
