// The Worker in TypeScript, in workerd.
import { workerd } from '../../dev/workerd.mjs';

const start = async (options) => {
  const begin = async ({ folder, port, config, secrets, page, proxyTimeoutMs }) => {
    const variables = { BFF: config, ...(proxyTimeoutMs && { PROXY_TIMEOUT_MS: proxyTimeoutMs }) };
    return (await workerd({ folder, port, variables, secrets, page }))();
  };
  let running = await begin(options);
  return {
    get pid() {
      return running.pid;
    },
    stop: () => running.stop(),
    kill: () => running.kill(),
    async restart(changes = {}) {
      await running.kill();
      running = await begin({ ...options, ...changes });
    },
  };
};

export default { name: 'ts-worker', start, chromium: true, holds: true };
