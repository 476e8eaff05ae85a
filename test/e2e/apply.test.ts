// The main path on a real API server: kubectl apply, a client that is answered, status that tells the truth, and refusals.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentHome } from '../../lab/cluster/agent.ts';
import { netnsProvider } from '../../lab/cluster/netns.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import type { LabProcess } from '../../lab/process.ts';
import { ask, askMany } from '../../lab/servers.ts';
import { awaitConditions, awaitTable, ipvs, lab, waitProgrammed } from './support.ts';

const EXAMPLE = join(import.meta.dirname, '../../deploy/examples/own-vip/web.yaml');
const DIRECTOR = 'director-151';
const VIP = '192.168.112.200';
const TABLE = [
  `-A -t ${VIP}:80 -s wrr`,
  `-a -t ${VIP}:80 -r 192.168.112.153:10000 -m -w 1`,
  `-a -t ${VIP}:80 -r 192.168.112.154:10000 -m -w 1`,
];

let cluster: Cluster;
let agent: LabProcess;

beforeAll(async () => {
  cluster = await netnsProvider(lab()).start({
    directors: 1,
    nodes: [{ name: 'other', addresses: ['192.168.112.99'] }],
  });
  agent = await cluster.startAgent(DIRECTOR);
  await cluster.controlPlane.kubectl(['apply', '--filename', EXAMPLE]);
  await waitProgrammed(cluster);
});

afterAll(async () => {
  agent.signal('SIGTERM');
  await agent.finished;
  await cluster.stop();
});

/** A VirtualService in front of web-153 and web-154, with `spec` laid over it. */
const virtualService = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: 'lvs-director.io/v1alpha1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: {
      ports: [{ port: 80, targetPort: 10000 }],
      backends: [{ realServers: { matchLabels: { app: 'web' } } }],
      ...spec,
    },
  });

const remove = (...names: readonly string[]): Promise<unknown> =>
  cluster.controlPlane.kubectl(['delete', ...names, '--wait=true', '--timeout=30s']);

describe('the example', () => {
  it('is in the kernel when kubectl wait returns, and the client is answered', async () => {
    expect(await ipvs(cluster, DIRECTOR)).toEqual(TABLE);
    const answers = await askMany(cluster.network, cluster.client.name, `http://${VIP}/`, 4);
    expect(answers.toSorted()).toEqual(['153', '153', '154', '154']);
  });

  it('shows its state in columns', async () => {
    await waitProgrammed(cluster, 'realservers/web-153');
    await waitProgrammed(cluster, 'realservers/web-154');
    const { stdout } = await cluster.controlPlane.kubectl(['get', 'lvs,lrs']);
    const [service = '', servers = ''] = stdout.split('\n\n');
    const rows = (table: string): string[][] =>
      table
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s{2,}/));
    const [head = [], row = []] = rows(service);
    expect(Object.fromEntries(head.map((name, index) => [name, row[index]]))).toMatchObject({
      NAME: 'virtualservice.lvs-director.io/web',
      ADDRESSES: '["192.168.112.200"]',
      PROGRAMMED: 'True',
    });
    const [serverHead = [], ...serverRows] = rows(servers);
    expect(serverRows.map((cells) => cells[0])).toEqual([
      'realserver.lvs-director.io/web-153',
      'realserver.lvs-director.io/web-154',
    ]);
    const column = serverHead.indexOf('PROGRAMMED');
    expect(serverRows.map((cells) => cells[column])).toEqual(['True', 'True']);
  });

  it('has a status that names everything', async () => {
    const conditions = await awaitConditions(cluster, 'virtualservices', 'web', { Announced: 'True' });
    expect(Object.values(conditions).map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Accepted True Accepted',
      'ResolvedRefs True ResolvedRefs',
      'Programmed True Programmed',
      'Announced True Announced',
    ]);
    const { status } = await cluster.controlPlane.api<{ status: object }>(
      'GET',
      '/apis/lvs-director.io/v1alpha1/namespaces/default/virtualservices/web',
    );
    expect(status).toMatchObject({
      addresses: [VIP],
      backends: { total: 2, healthy: 2 },
      directors: { programmed: 1, total: 1 },
    });
  });

  it('is told by its director, with nothing to complain about', async () => {
    const { metadata, status } = await cluster.controlPlane.api<{
      metadata: { ownerReferences: object[] };
      status: { conditions: { type: string; status: string }[]; kernel: object; vips: string[]; exceptions: object[] };
    }>('GET', `/apis/lvs-director.io/v1alpha1/directors/${DIRECTOR}`);
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Node', name: DIRECTOR }]);
    expect(status.conditions.map(({ type, status: value }) => `${type} ${value}`)).toEqual([
      'KernelReady True',
      'Synced True',
    ]);
    expect(status).toMatchObject({ kernel: { ipvsVersion: '1.2.1' }, vips: [VIP], exceptions: [] });
  });

  it('is what plan and list on the director show', async () => {
    const kubeconfig = `--kubeconfig=${agentHome(cluster.network, DIRECTOR)}/kubeconfig`;
    const from = [kubeconfig, `--node-name=${DIRECTOR}`];
    // It waits for a while.
    const asNobody = cluster.command(DIRECTOR, 'plan', kubeconfig, '--node-name=nobody');
    const allowed = await cluster.command(DIRECTOR, 'plan', ...from, '--allow-addresses=192.168.112.0/24');
    expect(allowed).toMatchObject({ code: 0, stdout: 'Nothing to do.\n' });
    // Without the setting nothing is taken away.
    const refused = await cluster.command(DIRECTOR, 'plan', ...from);
    expect(refused).toMatchObject({ code: 0, stdout: 'Nothing to do.\n' });
    expect(refused.stderr).toMatch(/VirtualService default\/web: spec\.addresses: .*\(AddressNotAllowed\)/);
    const { stdout } = await cluster.command(DIRECTOR, 'list');
    expect(stdout).toMatch(/TCP {2}192\.168\.112\.200:80 wrr +default\/web/);
    expect(stdout).toMatch(/Accepted=True ResolvedRefs=True Programmed=True Announced=True/);
    const nameless = await cluster.command(DIRECTOR, 'plan', kubeconfig);
    expect(nameless).toMatchObject({ code: 3, stderr: expect.stringContaining('--node-name must name the Node') });
    expect(await asNobody).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no Node nobody') });
  });

  it('can be explained', async () => {
    const { stdout } = await cluster.controlPlane.kubectl(['explain', 'lvs.spec.scheduler']);
    expect(stdout).toMatch(/FIELD: scheduler <string>/);
    expect(stdout).toMatch(/wrr/);
  });
});

describe('an edit', () => {
  it('is in the kernel when kubectl wait returns again', async () => {
    const { controlPlane } = cluster;
    const destinations = TABLE.slice(1);
    for (const scheduler of ['rr', 'lc', 'wlc', 'sed', 'wrr']) {
      const patch = JSON.stringify({ spec: { scheduler } });
      await controlPlane.kubectl(['patch', 'lvs', 'web', '--type=merge', `--patch=${patch}`]);
      await waitProgrammed(cluster);
      expect(await ipvs(cluster, DIRECTOR)).toEqual([`-A -t ${VIP}:80 -s ${scheduler}`, ...destinations]);
    }
  });

  it('to something invalid keeps the last good state, and says so', async () => {
    const { controlPlane } = cluster;
    // As when the kinds in the API are of another version than the agent.
    const crd = 'virtualservices.lvs-director.io';
    const { stdout: strict } = await controlPlane.kubectl(['get', 'crd', crd, '--output=json']);
    const loose = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const openly = JSON.stringify([
      { op: 'replace', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec', value: loose },
    ]);
    await controlPlane.kubectl(['patch', 'crd', crd, '--type=json', `--patch=${openly}`]);
    const edit = (spec: object): Promise<unknown> =>
      controlPlane.kubectl(['patch', 'lvs', 'web', '--type=merge', `--patch=${JSON.stringify({ spec })}`]);
    // The API server takes a moment to use a schema that was changed.
    await edit({ colour: 'blue' });
    const warned = await awaitConditions(cluster, 'virtualservices', 'web', { Accepted: 'True UnknownField' });
    expect(warned['Accepted']?.message).toMatch(/spec\.colour: there is no such field/);
    expect(warned['Programmed']?.status).toBe('True');
    await edit({ scheduler: 'fastest' });
    const refused = await awaitConditions(cluster, 'virtualservices', 'web', { Accepted: 'False Invalid' });
    expect(refused['Accepted']?.message).toMatch(/spec\.scheduler: .*What was accepted before is still served/);
    // What is programmed is the generation before.
    const generation = refused['Accepted']?.observedGeneration ?? 0;
    expect(refused['Programmed']).toMatchObject({ status: 'True', observedGeneration: generation - 1 });
    expect(await ipvs(cluster, DIRECTOR)).toEqual(TABLE);
    expect(await ask(cluster.network, cluster.client.name, `http://${VIP}/`)).toMatch(/^15[34]$/);
    await edit({ scheduler: 'wrr', colour: null });
    await waitProgrammed(cluster);
    const { spec } = JSON.parse(strict) as {
      spec: { versions: [{ schema: { openAPIV3Schema: { properties: { spec: object } } } }] };
    };
    const back = JSON.stringify([
      {
        op: 'replace',
        path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec',
        value: spec.versions[0].schema.openAPIV3Schema.properties.spec,
      },
    ]);
    await controlPlane.kubectl(['patch', 'crd', crd, '--type=json', `--patch=${back}`]);
  });

  it('to a VIP that is not allowed keeps the last good state, and says so', async () => {
    const { controlPlane } = cluster;
    const patch = (address: string): string => JSON.stringify({ spec: { addresses: [address] } });
    await controlPlane.kubectl(['patch', 'lvs', 'web', '--type=merge', `--patch=${patch('203.0.113.9')}`]);
    const conditions = await awaitConditions(cluster, 'virtualservices', 'web', {
      Accepted: 'False AddressNotAllowed',
    });
    expect(conditions['Accepted']?.message).toMatch(/203\.0\.113\.9 is not covered by the setting allowAddresses/);
    expect(await ipvs(cluster, DIRECTOR)).toEqual(TABLE);
    await controlPlane.kubectl(['patch', 'lvs', 'web', '--type=merge', `--patch=${patch(VIP)}`]);
    await waitProgrammed(cluster);
  });
});

describe('what is refused', () => {
  // Its uplink, its LAN, its Service range: see lab/cluster.
  it.each([
    ['a VIP outside of allowAddresses', '203.0.113.1', 'AddressNotAllowed', /allowAddresses/],
    ['a VIP of a Node that is no director', '192.168.112.99', 'NotHere', /only the Node that has the address/],
    ['a VIP in the Service range', '10.96.0.77', 'AddressReserved', /Service CIDR/],
    ['a VIP in a Pod range', '10.244.0.77', 'AddressReserved', /Pod range/],
  ])('is %s', async (_, address, reason, message) => {
    await cluster.controlPlane.apply(virtualService('refused', { addresses: [address] }));
    const wanted = { Accepted: `False ${reason}`, Programmed: `False ${reason}` };
    const conditions = await awaitConditions(cluster, 'virtualservices', 'refused', wanted);
    expect(conditions['Accepted']?.message).toMatch(message);
    expect(await ipvs(cluster, DIRECTOR)).toEqual(TABLE);
    await remove('lvs/refused');
  });

  it('is a VIP of the API server', async () => {
    const endpoints = await cluster.controlPlane.api<{ endpoints: { addresses: string[] }[] }>(
      'GET',
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes',
    );
    const address = endpoints.endpoints[0]?.addresses[0] ?? '';
    await cluster.controlPlane.apply(virtualService('refused', { addresses: [address] }));
    const wanted = { Accepted: 'False AddressReserved' };
    const conditions = await awaitConditions(cluster, 'virtualservices', 'refused', wanted);
    expect(conditions['Accepted']?.message).toContain(`${address} is an address of the API server`);
    await remove('lvs/refused');
  });

  it.each([
    ['a link-local address', '169.254.1.1', /link-local/],
    ['a Node', '192.168.112.99', /address of a Node/],
    ['the Service range', '10.96.0.1', /Service CIDR/],
    ['a Pod', '10.244.0.153', /Pod range: name the Service/],
  ])('is a real server on %s', async (_, address, message) => {
    const server = { apiVersion: 'lvs-director.io/v1alpha1', kind: 'RealServer' };
    const metadata = { name: 'refused', namespace: 'default', labels: { app: 'web' } };
    await cluster.controlPlane.apply(JSON.stringify({ ...server, metadata, spec: { address, port: 10000 } }));
    const conditions = await awaitConditions(cluster, 'realservers', 'refused', {
      Accepted: 'False DestinationNotAllowed',
      Programmed: 'False DestinationNotAllowed',
    });
    expect(conditions['Accepted']?.message).toMatch(message);
    await awaitConditions(cluster, 'virtualservices', 'web', { ResolvedRefs: 'False DestinationNotAllowed' });
    expect(await ipvs(cluster, DIRECTOR)).toEqual(TABLE);
    await remove('lrs/refused');
    await awaitConditions(cluster, 'virtualservices', 'web', { ResolvedRefs: 'True' });
  });
});

it('a real server on loopback is refused by the API server already', async () => {
  const server = { apiVersion: 'lvs-director.io/v1alpha1', kind: 'RealServer' };
  const metadata = { name: 'refused', namespace: 'default' };
  const applied = cluster.controlPlane.apply(JSON.stringify({ ...server, metadata, spec: { address: '127.0.0.1' } }));
  await expect(applied).rejects.toThrow(/spec\.address: .*'127\.0\.0\.1' is a loopback address/);
});

describe('deletion', () => {
  it('empties the table, and the objects come back as they were', async () => {
    await cluster.controlPlane.kubectl(['delete', '--filename', EXAMPLE]);
    await awaitTable(cluster, DIRECTOR, []);
    const { stdout } = await cluster.network.run(DIRECTOR, ['ip', '-brief', 'address', 'show']);
    expect(stdout).not.toContain(VIP);
    await cluster.controlPlane.kubectl(['apply', '--filename', EXAMPLE]);
    await waitProgrammed(cluster);
    expect(await ipvs(cluster, DIRECTOR)).toEqual(TABLE);
  });
});
