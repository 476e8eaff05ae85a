// A VIP of its own, on dummy-lvs: who answers on it and who does not.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import { ask, askDatagrams, askMany, outcome, serveDatagrams, serveText } from '../../lab/servers.ts';
import {
  boundVips,
  documents,
  ipvs,
  makeScene,
  nftSet,
  realServer,
  realServers,
  runInSync,
  type Scene,
  synced,
  tally,
  virtualService,
} from './support.ts';

const EXAMPLE = readFileSync(new URL('../../deploy/examples/own-vip/web.yaml', import.meta.url), 'utf8');
const VIP = '192.168.112.200';
const VIP6 = 'fd00:112:200::1';

/** What kube-proxy does for NodePorts: whatever comes to one of the node's addresses at these ports goes to a back end. */
const NODE_PORTS = `table ip nodeports {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local tcp dport { 80, 31000 } dnat to 192.168.112.153:10000
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat masquerade
  }
}
`;

let scene: Scene;
let agent: LabProcess;

beforeAll(async () => {
  scene = await makeScene();
  const { network, director } = scene;
  await Promise.all([
    serveText(network, DIRECTOR, 8080, 'daemon of the director'),
    network.run(DIRECTOR, ['nft', '-f', '-'], { input: NODE_PORTS }),
    director.write('web.yaml', EXAMPLE),
  ]);
  agent = await runInSync(director);
});

afterAll(async () => {
  await scene.network.remove();
});

const from = (url: string): Promise<string> => outcome(scene.network, CLIENT, url);

describe('a VIP of its own', () => {
  it('is bound to dummy-lvs, answers on its port, and leaves an empty plan', async () => {
    expect(await boundVips(scene.network)).toEqual([VIP]);
    expect(tally(await askMany(scene.network, CLIENT, `http://${VIP}/`, 4))).toEqual({ '153': 2, '154': 2 });
    expect((await scene.director.plan()).code).toBe(0);
  });

  it('has its uid in the ledger as nft tells it', async () => {
    const { stdout } = await scene.network.run(DIRECTOR, ['nft', 'list', 'set', 'inet', 'lvs-director', 'ledger4']);
    expect(stdout).toMatch(
      /192\.168\.112\.200 \. tcp \. 80 comment "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"/,
    );
  });

  it('lets no daemon on 0.0.0.0 answer, which answers on the own address', async () => {
    expect(await from(`http://${VIP}:8080/`)).toBe('silent');
    expect(await from('http://192.168.112.152:8080/')).toBe('daemon of the director');
  });

  it('lets no NodePort answer, also not on its declared port', async () => {
    expect(await from(`http://${VIP}:31000/`)).toBe('silent');
    expect(await from('http://192.168.112.152:31000/')).toBe('153');
    // Port 80 is a NodePort too: through IPVS both real servers answer, through the NodePort only one would.
    expect(tally(await askMany(scene.network, CLIENT, `http://${VIP}/`, 4))).toEqual({ '153': 2, '154': 2 });
  });

  it('answers the director itself', async () => {
    expect(['153', '154']).toContain(await ask(scene.network, DIRECTOR, `http://${VIP}/`));
    expect(await outcome(scene.network, DIRECTOR, `http://${VIP}:8080/`)).not.toBe('daemon of the director');
  });

  it('answers ping', async () => {
    const { stdout } = await scene.network.run(CLIENT, ['busybox', 'ping', '-c', '1', '-W', '5', VIP]);
    expect(stdout).toContain('1 packets received');
  });

  it('goes on serving one object when another is removed', async () => {
    const { director, network } = scene;
    const second = virtualService('second', { addresses: ['192.168.112.201'] });
    await synced(agent, () => director.write('second.yaml', second));
    expect(await boundVips(network)).toEqual([VIP, '192.168.112.201']);
    expect(['153', '154']).toContain(await ask(network, CLIENT, 'http://192.168.112.201/'));
    await synced(agent, () => director.remove('second.yaml'));
    expect(await boundVips(network)).toEqual([VIP]);
    expect(await ipvs(network)).toHaveLength(3);
    expect(['153', '154']).toContain(await ask(network, CLIENT, `http://${VIP}/`));
  });

  it('keeps the connections of a service whose scheduler and weights change', async () => {
    const { director, network } = scene;
    const held = await network.start(CLIENT, [
      process.execPath,
      '-e',
      `const socket = require('node:net').connect(80, '${VIP}', () => console.log('connected'));
       socket.on('close', () => console.log('closed')); socket.on('error', () => console.log('error'));
       process.on('SIGUSR1', () => undefined);`,
    ]);
    await held.waitFor(/connected/);
    await synced(agent, () =>
      director.write('web.yaml', documents(virtualService('web', { scheduler: 'rr' }), realServers(5, 7))),
    );
    expect(await ipvs(network)).toContain(`-A -t ${VIP}:80 -s rr`);
    const { stdout } = await network.run(CLIENT, ['ss', '-Htn', 'state', 'established', `dst ${VIP}`]);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(held.output().stdout).toBe('connected\n');
    held.signal('SIGKILL');
    await held.finished;
  });

  it('serves UDP and IPv6 too, each with masquerading', async () => {
    const { director, network } = scene;
    await Promise.all([
      serveDatagrams(network, 'rs153', 5353, '153'),
      serveDatagrams(network, 'rs154', 5353, '154'),
      // The kernel answers no neighbour solicitation for an address on another device: IPv6 VIPs are reached by a route.
      network.run(CLIENT, ['ip', '-6', 'route', 'add', `${VIP6}/128`, 'via', 'fd00:112::152']),
    ]);
    const ports = [
      { name: 'http', protocol: 'TCP', port: 80, targetPort: 10_000 },
      { name: 'dns', protocol: 'UDP', port: 53, targetPort: 5353 },
    ];
    const backends = (app: string): Readonly<Record<string, unknown>> => ({
      backends: [{ realServers: { matchLabels: { app } } }],
      ports,
    });
    await synced(agent, () =>
      director.write(
        'web.yaml',
        documents(
          virtualService('web', backends('web')),
          realServers(),
          virtualService('web6', { ...backends('web6'), addresses: [VIP6] }),
          realServer('web6-153', { address: 'fd00:112::153' }, 'web6'),
          realServer('web6-154', { address: 'fd00:112::154' }, 'web6'),
        ),
      ),
    );
    expect(await boundVips(network)).toEqual([VIP, VIP6]);
    expect(await nftSet(network, 'masq6')).toEqual([`${VIP6} . tcp . 80`, `${VIP6} . udp . 53`]);
    expect(tally(await askDatagrams(network, CLIENT, VIP, 53, 4))).toEqual({ '153': 2, '154': 2 });
    expect(tally(await askDatagrams(network, CLIENT, VIP6, 53, 4))).toEqual({ '153': 2, '154': 2 });
    expect(tally(await askMany(network, CLIENT, `http://[${VIP6}]/`, 4))).toEqual({ '153': 2, '154': 2 });
    expect(await outcome(network, CLIENT, `http://[${VIP6}]:8080/`)).toBe('silent');
    expect((await director.plan()).code).toBe(0);
  });
});
