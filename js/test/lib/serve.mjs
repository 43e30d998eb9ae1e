import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/**
 * Serves files of a folder, and generated texts.
 *
 * @param {string} folder
 * @param {{extra?: Record<string, string>, headers?: Record<string, string>, types?: Record<string,
 * string>}} [options]
 * @returns {Promise<{url: string, asked: string[], stop: () => void}>} `asked` has the path of each
 * request, in the order of arrival
 */
export const serve = async (folder, { extra = {}, headers = {}, types: other = {} } = {}) => {
  const asked = [];
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    asked.push(pathname);
    const path = pathname.endsWith('/') ? pathname + 'index.html' : pathname;
    try {
      const body = extra[path] ?? (await readFile(join(folder, normalize(path))));
      response.writeHead(200, { 'content-type': { ...types, ...other }[extname(path)] ?? 'application/octet-stream', ...headers });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
