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
