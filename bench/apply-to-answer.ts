/**
 * From `kubectl apply` returning to the first request that a client gets answered, 30 times, each time with a VIP that
 * nobody had before. Beside it, in the same run and in turn, the same made by hand: one script with ipvsadm and ip, from its
 * start. In an emulated guest only the ratio means something for other machines.
 */
import { netnsProvider } from '../lab/cluster/netns.ts';
import type { Cluster } from '../lab/cluster/provider.ts';
import { bootLab } from '../lab/lab.ts';
import { bundle, PROGRAM_BUNDLE } from '../scripts/bundle.ts';
import { median, printResult, progress } from './lib/report.ts';

const TIMES = 30;
const DIRECTOR = 'director-151';
/** 192.168.112.32 to .95 are nobody's; the client has a route to them, so that no ARP for an address that is still missing is waited for. */
const ROUTES = ['192.168.112.32/27', '192.168.112.64/27'];
const ANSWER_MS = 60_000;

const vip = (index: number): string => `192.168.112.${32 + index}`;

/** Asks again and again, without waiting for what is not there, and says when it is answered. */
const PROBE = `
const { request } = require('node:http');
const ask = () => {
  const asked = request({ host: process.argv[1], agent: false, timeout: 100 }, (answer) => {
    if (answer.statusCode !== 200) return setTimeout(ask, 5);
    process.stdout.write('answered\\n');
    process.exit(0);
  });
  let over = false;
  const again = () => { if (!over) { over = true; asked.destroy(); setTimeout(ask, 5); } };
  asked.on('timeout', again).on('error', again).end();
};
process.stdout.write('asking\\n');
ask();`;

const byHand = (address: string): string =>
  `
nft add element inet bench vips "{ $1 }"
ipvsadm -A -t "$1:80" -s wrr
ipvsadm -a -t "$1:80" -r 192.168.112.153:10000 -m -w 1
ip address add "$1/32" dev bench`.replaceAll('$1', address);

const PREPARE = `
ip link add bench type dummy; ip link set bench up
nft -f - <<END
table inet bench {
  set vips { type ipv4_addr; }
  chain post { type nat hook postrouting priority 100; ct original ip daddr @vips masquerade; }
}
END`;

const virtualService = (index: number): string =>
  JSON.stringify({
    apiVersion: 'lvs-director.io/v1alpha1',
    kind: 'VirtualService',
    metadata: { name: `bench-${index}`, namespace: 'default' },
    spec: {
      addresses: [vip(index)],
      ports: [{ port: 80 }],
      scheduler: 'wrr',
      backends: [{ realServers: { matchLabels: { app: 'web' } } }],
    },
  });
const REAL_SERVER = JSON.stringify({
  apiVersion: 'lvs-director.io/v1alpha1',
  kind: 'RealServer',
  metadata: { name: 'web-153', namespace: 'default', labels: { app: 'web' } },
  spec: { address: '192.168.112.153', port: 10_000 },
});

/** Milliseconds from the time that `make` resolves with until the VIP answers. Less than nothing: it was quicker. */
async function measure({ network, client }: Cluster, address: string, make: () => Promise<number>): Promise<number> {
  const probe = await network.start(client.name, [process.execPath, '-e', PROBE, address]);
  await probe.waitFor(/asking/);
  const answered = probe.waitFor(/answered/, { deadlineMs: ANSWER_MS }).then(() => performance.now());
  const began = await make();
  const took = (await answered) - began;
  await probe.finished;
  return took;
}

async function run(cluster: Cluster): Promise<void> {
  const { controlPlane, network, client, directors } = cluster;
  const via = directors[0]?.address ?? '';
  for (const route of ROUTES) await network.run(client.name, ['ip', 'route', 'add', route, 'via', via]);
  const agent = await cluster.startAgent(DIRECTOR);
  await controlPlane.apply(REAL_SERVER);
  await agent.waitFor(/"msg":"in sync"/);
  await network.run(DIRECTOR, ['sh', '-euc', PREPARE]);
  const applied: number[] = [];
  const returned: number[] = [];
  const made: number[] = [];
  for (let index = 0; index < TIMES; index += 1) {
    progress('apply to answer', index, TIMES);
    const started = performance.now();
    applied.push(
      await measure(cluster, vip(index), async () => {
        const before = performance.now();
        await controlPlane.apply(virtualService(index));
        returned.push(performance.now() - before);
        return performance.now();
      }),
    );
    const address = vip(TIMES + index);
    made.push(
      await measure(cluster, address, async () => {
        const before = performance.now();
        await network.run(DIRECTOR, ['sh', '-euc', byHand(address)]);
        return before;
      }),
    );
    if (performance.now() - started > 2 * ANSWER_MS) throw new Error('the machine is too slow for this measurement');
  }
  agent.signal('SIGTERM');
  await agent.finished;
  const rows = [
    { what: 'kubectl apply returned to first answer', times: applied },
    { what: 'by hand, start of the script to first answer', times: made },
    { what: 'kubectl apply itself', times: returned },
  ];
  printResult({
    name: 'apply-to-answer',
    machine: cluster.lab.description,
    rows,
    ratio: { what: 'apply to answer, by hand = 1', value: median(applied) / median(made) },
  });
}

await bundle(PROGRAM_BUNDLE);
const lab = await bootLab();
try {
  const cluster = await netnsProvider(lab).start({ directors: 1, realServers: 1 });
  try {
    await run(cluster);
  } finally {
    await cluster.stop();
  }
} finally {
  await lab.stop();
}
