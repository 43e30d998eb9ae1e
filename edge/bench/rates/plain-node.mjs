// A reverse proxy of node:http and nothing else: what a backend there costs at the least.
import { Agent, createServer, request } from 'node:http';

const { PORT, TARGET } = process.env;
const { hostname, port } = new URL(TARGET);
const agent = new Agent({ keepAlive: true });

createServer((incoming, outgoing) => {
  const { method, url: path, headers } = incoming;
  const onward = request({ hostname, port, agent, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}).listen(Number(PORT), '127.0.0.1', () => console.log('ready: '));
