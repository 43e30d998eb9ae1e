// The Worker in Go, in workerd.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root, workerd } from '../../dev/workerd.mjs';

let built;

const start = async (options) => {
  built ??= execFileSync(join(root, 'edge/goworker/build.sh'), { stdio: 'inherit' });
  const entry = join(root, 'edge/goworker/worker.mjs');
  const begin = async ({ folder, port, config, secrets, page, proxyTimeoutMs }) => {
    const variables = { BFF: config, ...(proxyTimeoutMs && { PROXY_TIMEOUT_MS: proxyTimeoutMs }) };
    return (await workerd({ folder, entry, port, variables, secrets, page }))();
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

export default { name: 'go-worker', start, sockets: false };
