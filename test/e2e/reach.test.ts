// The way from the lab to an API server on this machine's loopback: by QEMU's user networking, and in a native lab.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeNamespace } from '../../lab/cluster/objects.ts';
import { makeNetwork, type Network } from '../../lab/topology.ts';
import { lab, sharedControlPlane } from './support.ts';

const LAB = join(import.meta.dirname, '../../lab');

const twoLinked = (): Promise<Network> =>
  makeNetwork(lab(), [
    { name: 'one', legs: [{ lan: 'lan', addresses: ['192.168.112.151/24'] }], uplink: true },
    { name: 'two', legs: [{ lan: 'lan', addresses: ['192.168.112.152/24'] }], uplink: true },
    { name: 'none', legs: [{ lan: 'lan', addresses: ['192.168.112.153/24'] }] },
  ]);

/** Ask the API server from a node, as a ServiceAccount, with its certificate checked; the HTTP status. */
async function askApi(network: Network, node: string, token: string): Promise<string> {
  const { port, endpoint } = sharedControlPlane();
  const url = `https://10.0.2.2:${port}/api`;
  const script = `file=$(mktemp); cat >"$file"
    curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' --cacert "$file" --header "$1" "$2"`;
  const argv = ['sh', '-euc', script, 'ask', `Authorization: Bearer ${token}`, url];
  return (await network.attempt(node, argv, { input: endpoint.ca })).stdout;
}

it('nodes with an uplink reach the API server, and nothing else beyond their LAN', async () => {
  const namespace = await makeNamespace(sharedControlPlane());
  const token = await sharedControlPlane().token('default', namespace);
  const [first, second] = await Promise.all([twoLinked(), twoLinked()]);
  const links = async (): Promise<string> =>
    (await lab().run(['sh', '-euc', 'ip -brief link; nft list tables'])).stdout;
  const names = [first.namespace('up'), second.namespace('up')];
  try {
    expect(await askApi(first, 'one', token)).toBe('200');
    expect(await askApi(first, 'two', token)).toBe('200');
    expect(await askApi(second, 'one', token)).toBe('200');
    expect(await askApi(first, 'one', 'wrong')).toBe('401');
    expect(await askApi(first, 'none', token)).toBe('000');
    const { stdout: routes } = await first.run('one', ['ip', '-oneline', 'route']);
    expect(routes).not.toContain('default');
    // It is for a director to let its node forward.
    const { stdout: forward } = await first.run('one', ['sysctl', '--values', 'net.ipv4.ip_forward']);
    expect(forward).toBe('0\n');
    for (const name of names) expect(await links()).toContain(name);
  } finally {
    await Promise.all([first.remove(), second.remove()]);
  }
  for (const name of names) expect(await links()).not.toContain(name);
});

it('a native lab reaches a port of its machine that was exposed', async () => {
  const script = `
    import { createServer } from 'node:http';
    import { bootLab } from '${LAB}/lab.ts';
    import { makeNetwork } from '${LAB}/topology.ts';
    const server = createServer((_, response) => response.end('from the machine'));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = 'http://10.0.2.2:' + server.address().port;
    const lab = await bootLab();
    await lab.expose(server.address().port);
    const network = await makeNetwork(lab, [{ name: 'node', legs: [], uplink: true }, { name: 'none', legs: [] }]);
    for (const node of ['node', 'none']) {
      console.log(node, (await network.attempt(node, ['curl', '--silent', '--max-time', '20', url])).stdout);
    }
    console.log('root', (await lab.run(['curl', '--silent', '--max-time', '20', url])).stdout);
    await network.remove();
    await lab.stop();
    server.close();
    server.closeAllConnections();`;
  const argv = [process.execPath, '--input-type=module', '--eval', script];
  const { stdout } = await lab().run(argv, { env: { LAB: 'native' }, deadlineMs: 120_000 });
  expect(stdout).toBe('node from the machine\nnone \nroot from the machine\n');
});
