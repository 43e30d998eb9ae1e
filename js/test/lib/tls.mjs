// Hosts with their own names and https, for rules that browsers apply by site: the names resolve to
// this machine, and the browser accepts a self-signed certificate.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate of these names, and its key: made by Go's own program for it. */
export const certificate = (...hosts) => {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  try {
    const program = join(execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim(), 'src/crypto/tls/generate_cert.go');
    execFileSync('go', ['run', program, '-host', hosts.join(), '-ecdsa-curve', 'P256'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, GOFLAGS: '' },
    });
    return { cert: readFileSync(join(folder, 'cert.pem')), key: readFileSync(join(folder, 'key.pem')) };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/**
 * An https proxy before a server without https.
 *
 * @param {{cert: Buffer, key: Buffer}} pair
 * @param {string} target origin of the server
 * @param {(request: import('node:http').IncomingMessage, headers: object) => void} [see] gets each
 * request and the headers of its answer, which it may change
 * @returns {Promise<{port: number, stop: () => void}>}
 */
export const secure = async (pair, target, see = () => {}) => {
  const server = createServer({ ...pair, keepAliveTimeout: 0 }, (request, response) => {
    const { method, url, headers } = request;
    const onward = httpRequest(target + url, { method, headers: { ...headers, host: new URL(target).host } }, (answer) => {
      see(request, answer.headers);
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/** Chromium's flags that lead each name to a port and accept its certificate. */
export const named = (ports) => [
  '--ignore-certificate-errors',
  `--host-resolver-rules=${Object.entries(ports)
    .map(([host, port]) => `MAP ${host}:443 127.0.0.1:${port}`)
    .join(', ')}`,
];
