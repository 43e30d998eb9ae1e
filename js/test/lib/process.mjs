import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { PATIENCE } from '../suite/patience.js';
import { root } from './installed.mjs';

/**
 * Starts a program and waits for the line that says it is ready. The promise gives the match and a
 * function that ends it.
 */
export const start = (file, args, ready, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const said = [];
    const timer = setTimeout(() => done(new Error('not ready in time')), PATIENCE);
    const stop = () =>
      new Promise((ended) => {
        if (child.exitCode !== null || child.signalCode !== null) return ended();
        child.once('exit', ended);
        child.kill();
      });
    const done = (error) => {
      clearTimeout(timer);
      if (!error) return;
      void stop();
      reject(new Error(`${file}: ${error.message}\n${said.join('\n')}`));
    };
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        const match = ready.exec(line);
        if (!match) return;
        done();
        resolve({ match, stop, said });
      });
    }
    child.once('error', done);
    child.once('exit', (code) => done(new Error(`ended with ${code}`)));
  });

/**
 * Builds a Go program of this project, so that ending it ends the program and not the `go` command.
 * Returns its file.
 */
export const build = (name, folder) => {
  const file = join(root, 'build/js', name);
  mkdirSync(join(root, 'build/js'), { recursive: true });
  // Test files run in parallel: none may start a program that another is writing.
  const made = `${file}.${process.pid}`;
  execFileSync('go', ['build', '-o', made, folder], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(made, file);
  return file;
};

/** Builds a Go program of this project and starts it. */
export const startGo = (name, folder, args) => start(build(name, folder), args, /^ready: (http:\S+)/);

/** The live server of the executor contract. */
export const contractServer = async () => {
  const { match, stop } = await startGo('contractserver', './core/oauth/internal/contractserver', ['-addr', '127.0.0.1:0']);
  return { url: match[1], stop };
};

/**
 * The project's authorization server, with a configuration of its client `app`. Arguments: its
 * flags, then redirect URIs, of which the first is the one of the client.
 */
export const authserver = async (...args) => {
  const { match, stop } = await startGo('authserver', './js/test/authserver', args);
  const issuer = match[1];
  return {
    issuer,
    stop,
    config: {
      client_id: 'app',
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      device_authorization_endpoint: `${issuer}/device_authorization`,
      revocation_endpoint: `${issuer}/revoke`,
      userinfo_endpoint: `${issuer}/userinfo`,
      redirect_uri: args.find((arg) => arg.startsWith('http')),
      scope: 'profile email read',
      authorization_response_iss_parameter_supported: true,
    },
  };
};

/** A port that nobody listens at. */
export const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
