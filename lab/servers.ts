/**
 * Small servers for a lab's nodes, and clients that ask them.
 */
import type { LabProcess } from './process.ts';
import type { Network } from './topology.ts';

/** The daemon that serves `text` over HTTP on every address of a node, at one port. Resolves when it listens. */
export async function serveText(network: Network, node: string, port: number, text: string): Promise<LabProcess> {
  // busybox writes nothing when it is ready: its port in the kernel's table tells.
  const script = `
    directory=/tmp/serve-$$; mkdir -p "$directory"; printf '%s\\n' "$1" >"$directory/index.html"
    busybox httpd -f -p "$2" -h "$directory" & server=$!
    until ss -Hltn "sport = :$2" | grep -q .; do kill -0 "$server"; done
    echo listening; wait "$server"`;
  const server = await network.start(node, ['sh', '-euc', script, 'serve', text, String(port)]);
  await server.waitFor(/listening/);
  return server;
}

/** The text that a URL answers, trimmed; rejects when it does not answer within a few seconds. */
export async function ask(network: Network, node: string, url: string): Promise<string> {
  const { stdout } = await network.run(node, ['curl', ...CURL, url]);
  return stdout.trim();
}

/** Ask many times, each over a connection of its own, and return the answers in order. */
export async function askMany(network: Network, node: string, url: string, times: number): Promise<string[]> {
  // One curl for all of them: starting it is what takes the time in an emulated guest.
  const urls = Array.from({ length: times }, () => url);
  const argv = ['curl', ...CURL, '--fail-early', '--header', 'Connection: close', ...urls];
  const { stdout } = await network.run(node, argv, { deadlineMs: 120_000 });
  return stdout.trim().split('\n');
}

/** How a URL answers: its text, or the way in which it does not. */
export async function outcome(network: Network, node: string, url: string): Promise<string> {
  const { code, stdout } = await network.attempt(node, ['curl', '--silent', '--max-time', '3', url]);
  if (code === 0) return stdout.trim();
  return { 7: 'refused', 28: 'silent' }[code ?? -1] ?? `curl exit code ${code ?? 'none'}`;
}

const CURL = ['--silent', '--show-error', '--fail', '--max-time', '20'];

/** A server in JavaScript: `script` gets the port as `port` and calls `listening` when it is ready. */
async function serveScript(network: Network, node: string, port: number, script: string): Promise<LabProcess> {
  const source = `const port = ${port}; const listening = () => console.log('listening'); ${script}`;
  const server = await network.start(node, [process.execPath, '-e', source]);
  await server.waitFor(/listening/);
  return server;
}

/** An HTTP server and a UDP server at one port that answer with the address of whoever asks. */
export const serveCaller = (network: Network, node: string, port: number): Promise<LabProcess> =>
  serveScript(
    network,
    node,
    port,
    `const plain = (address) => address.replace('::ffff:', '');
    const socket = require('node:dgram').createSocket('udp6');
    socket.on('message', (_, from) => socket.send(plain(from.address), from.port, from.address));
    socket.bind(port, () =>
      require('node:http').createServer((request, response) => response.end(plain(request.socket.remoteAddress)))
        .listen(port, '::', listening))`,
  );

/** A UDP server that answers each datagram with `text`. */
export const serveDatagrams = (network: Network, node: string, port: number, text: string): Promise<LabProcess> =>
  serveScript(
    network,
    node,
    port,
    `const socket = require('node:dgram').createSocket('udp6');
    socket.on('message', (_, from) => socket.send(${JSON.stringify(text)}, from.port, from.address));
    socket.bind(port, listening)`,
  );

/** Send `times` datagrams, each from a port of its own, and return the answers; `silent` for those that stayed away. */
export async function askDatagrams(
  network: Network,
  node: string,
  address: string,
  port: number,
  times: number,
): Promise<string[]> {
  const script = `
    const { createSocket } = require('node:dgram');
    const [address, port, times] = process.argv.slice(1);
    const ask = () => new Promise((resolve) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      const end = (text) => { clearTimeout(timer); socket.close(); resolve(text); };
      const timer = setTimeout(() => end('silent'), 5000);
      socket.on('message', (data) => end(data.toString()));
      socket.on('error', (error) => end(error.code));
      socket.send('?', Number(port), address);
    });
    (async () => { for (let i = 0; i < Number(times); i++) console.log(await ask()); })();`;
  const { stdout } = await network.run(node, [process.execPath, '-e', script, address, String(port), String(times)]);
  return stdout.trim().split('\n');
}
