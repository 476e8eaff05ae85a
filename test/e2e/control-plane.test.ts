// The control plane itself: it starts, it can be stopped, frozen and compacted, its controllers work, and nothing stays.
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrograms } from '../../lab/cluster/assets.ts';
import { type ControlPlane, startControlPlane } from '../../lab/cluster/control-plane.ts';
import { makeNamespace, makeNodeObject } from '../../lab/cluster/objects.ts';
import {
  awaitSlices,
  type Endpoint,
  type EndpointSlice,
  makePod,
  removePod,
  setPodReady,
  terminatePod,
} from '../../lab/cluster/pods.ts';
import { type ApiObject, until } from '../../lab/cluster/until.ts';

const run = promisify(execFile);

const configMaps = '/api/v1/namespaces/default/configmaps';

const configMap = (name: string, data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

/** Ids of processes that were started with this folder. */
async function processesOf(folder: string): Promise<string[]> {
  try {
    return (await run('pgrep', ['--full', folder])).stdout.trim().split('\n');
  } catch {
    return [];
  }
}

describe('a control plane', () => {
  let controlPlane: ControlPlane;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
  });

  afterAll(async () => {
    await controlPlane.stop();
  });

  it('is ready, and kubectl speaks to it', async () => {
    expect(await controlPlane.request('GET', '/readyz')).toEqual({ status: 200, text: 'ok' });
    const { stdout } = await controlPlane.kubectl(['version', '--output', 'json']);
    const { serverVersion } = JSON.parse(stdout) as { serverVersion: { gitVersion: string } };
    expect(serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+$/);
    const pods = await controlPlane.attemptKubectl(['get', 'pods', 'no-such-pod']);
    expect(pods).toMatchObject({ code: 1, stdout: '' });
    await expect(controlPlane.kubectl(['get', 'pods', 'no-such-pod'])).rejects.toThrow('"no-such-pod" not found');
  });

  it('is what its go.mod says', async () => {
    const goMod = readFileSync(join(import.meta.dirname, '../../lab/cluster/kubernetes/go.mod'), 'utf8');
    const built = (process.env['KUBEBUILDER_ASSETS'] ?? '') === '';
    const { gitVersion } = await controlPlane.api<{ gitVersion: string }>('GET', '/version');
    expect(!built || goMod.includes(`\tk8s.io/kubernetes ${gitVersion}\n`)).toBe(true);
  });

  it('has a certificate that clients check', async () => {
    const kubeconfig = join(dirname(controlPlane.adminKubeconfig), 'stranger');
    const config = JSON.parse(controlPlane.kubeconfig()) as { clusters: { cluster: Record<string, string> }[] };
    delete config.clusters[0]?.cluster['certificate-authority-data'];
    writeFileSync(kubeconfig, JSON.stringify(config));
    await expect(controlPlane.kubectl(['--kubeconfig', kubeconfig, 'get', 'nodes'])).rejects.toThrow(
      'certificate signed by unknown authority',
    );
    expect(await controlPlane.request('GET', '/api', undefined, { token: 'wrong' })).toMatchObject({ status: 401 });
  });

  it('tells under which address the lab reaches it', async () => {
    const endpoints = await awaitSlices(controlPlane, 'default', 'kubernetes', (slices) =>
      slices.flatMap((slice) => (slice.ports ?? []).map(({ port }) => [slice.endpoints?.[0]?.addresses, port])).at(0),
    );
    expect(endpoints).toEqual([['10.0.2.2'], controlPlane.port]);
  });

  it('gives tokens with the rights of a ServiceAccount', async () => {
    const namespace = await makeNamespace(controlPlane);
    const token = await controlPlane.token('default', namespace);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    expect(await controlPlane.request('GET', path, undefined, { token })).toMatchObject({ status: 403 });
    const viewer = ['--clusterrole=view', `--serviceaccount=${namespace}:default`];
    await controlPlane.kubectl(['create', 'rolebinding', 'viewer', '--namespace', namespace, ...viewer]);
    // The API server sees what it is asked to allow a moment after it was written.
    await expect
      .poll(() => controlPlane.request('GET', path, undefined, { token }), { timeout: 10_000 })
      .toMatchObject({ status: 200 });
    const kubeconfig = controlPlane.kubeconfig({ token }, '10.0.2.2');
    expect(kubeconfig).toContain(`https://10.0.2.2:${controlPlane.port}`);
    expect(kubeconfig).toContain(token);
  });

  it('keeps its objects and its port when the API server is stopped and started', async () => {
    await controlPlane.api('POST', configMaps, configMap('kept', { answer: '42' }));
    await controlPlane.apiServer.stop();
    expect(controlPlane.apiServer.isRunning()).toBe(false);
    await expect(controlPlane.api('GET', `${configMaps}/kept`)).rejects.toThrow('ECONNREFUSED');
    await controlPlane.apiServer.start();
    expect(await controlPlane.api('GET', `${configMaps}/kept`)).toMatchObject({ data: { answer: '42' } });
    const { stdout } = await controlPlane.kubectl(['get', 'configmap', 'kept', '--output', 'jsonpath={.data.answer}']);
    expect(stdout).toBe('42');
  });

  it('can be frozen', async () => {
    await controlPlane.apiServer.freeze();
    try {
      const asked = controlPlane.request('GET', '/readyz', undefined, { deadlineMs: 500 });
      await expect(asked).rejects.toThrow('no answer in time');
    } finally {
      controlPlane.apiServer.thaw();
    }
    expect(await controlPlane.request('GET', '/readyz')).toMatchObject({ status: 200 });
  });

  it('answers 410 to a watch from before a compaction', async () => {
    const { metadata } = await controlPlane.api<ApiObject>('POST', configMaps, configMap('old', { number: '0' }));
    const watch = `${configMaps}?watch=true&timeoutSeconds=1&resourceVersion=${metadata.resourceVersion}`;
    await controlPlane.api('PATCH', `${configMaps}/old`, { data: { number: '1' } });
    expect((await controlPlane.request('GET', watch)).text).toContain('"type":"MODIFIED"');
    await controlPlane.compact();
    const { status, text } = await controlPlane.request('GET', watch);
    const gone = JSON.parse(text) as { type?: string; object?: { code: number }; code?: number };
    expect(status === 410 || gone.object?.code === 410).toBe(true);
    // A list at that version cannot be told either; what is there now can.
    const list = `${configMaps}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`;
    expect(await controlPlane.request('GET', list)).toMatchObject({ status: 410 });
    expect(await controlPlane.api('GET', `${configMaps}/old`)).toMatchObject({ data: { number: '1' } });
    // With nothing written since, there is nothing to forget.
    await controlPlane.compact();
  });

  it('compacts while the API server is stopped, and leaves it stopped', async () => {
    await controlPlane.apiServer.stop();
    await controlPlane.compact();
    expect(controlPlane.apiServer.isRunning()).toBe(false);
    await controlPlane.apiServer.start();
    expect(await controlPlane.request('GET', '/readyz')).toMatchObject({ status: 200 });
  });

  it('makes EndpointSlices of both families from a Service and Pods whose status was patched', async () => {
    const namespace = await makeNamespace(controlPlane);
    await makeNodeObject(controlPlane, { name: 'slices-node', addresses: ['192.168.112.100'] });
    const pod = { namespace, labels: { app: 'web' }, node: 'slices-node' };
    const service = await controlPlane.api<{ spec: { clusterIPs: string[]; ipFamilies: string[] } }>(
      'POST',
      `/api/v1/namespaces/${namespace}/services`,
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: {
          ipFamilyPolicy: 'RequireDualStack',
          selector: { app: 'web' },
          ports: [{ name: 'http', port: 80, targetPort: 10_000 }],
        },
      },
    );
    expect(service.spec.ipFamilies).toEqual(['IPv4', 'IPv6']);
    expect(service.spec.clusterIPs[0]).toMatch(/^10\.96\./);
    expect(service.spec.clusterIPs[1]).toMatch(/^fd00:96::/);

    const endpoint = (slices: readonly EndpointSlice[], address: string): Endpoint | undefined =>
      slices.flatMap(({ endpoints }) => endpoints ?? []).find(({ addresses }) => addresses[0] === address);
    const become = (address: string, conditions: Endpoint['conditions']): Promise<Endpoint> =>
      awaitSlices(controlPlane, namespace, 'web', (slices) => {
        const found = endpoint(slices, address);
        const isSo = Object.entries(conditions).every(([name, value]) => ({ ...found?.conditions })[name] === value);
        return isSo ? found : undefined;
      });
    await makePod(controlPlane, { ...pod, name: 'a', addresses: ['10.244.0.153', 'fd00:244::153'] });
    await makePod(controlPlane, { ...pod, name: 'b', addresses: ['10.244.0.154'], ready: false });
    const ready = await become('10.244.0.153', { ready: true, serving: true, terminating: false });
    expect(ready.nodeName).toBe('slices-node');
    await become('fd00:244::153', { ready: true, serving: true, terminating: false });
    await become('10.244.0.154', { ready: false, serving: false, terminating: false });

    await setPodReady(controlPlane, namespace, 'b', true);
    await become('10.244.0.154', { ready: true, serving: true, terminating: false });
    await terminatePod(controlPlane, namespace, 'b');
    await become('10.244.0.154', { ready: false, serving: true, terminating: true });
    await removePod(controlPlane, namespace, 'b');
    const left = await awaitSlices(controlPlane, namespace, 'web', (slices) =>
      endpoint(slices, '10.244.0.154') === undefined ? slices : undefined,
    );
    expect(endpoint(left, '10.244.0.153')).toBeDefined();
  });

  it('removes namespaces, and objects with their owners', async () => {
    const namespace = await makeNamespace(controlPlane);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const owner = await controlPlane.api<ApiObject>('POST', path, configMap('owner', {}));
    const { name, uid } = owner.metadata;
    await controlPlane.api('POST', path, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'owned', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid }] },
    });
    await controlPlane.api('DELETE', `${path}/owner`);
    await until(controlPlane, path, (maps) => maps.every(({ metadata }) => metadata.name !== 'owned') || undefined);
    await controlPlane.kubectl(['delete', 'namespace', namespace, '--timeout=60s']);
    expect(await controlPlane.request('GET', `/api/v1/namespaces/${namespace}`)).toMatchObject({ status: 404 });
  });
});

describe('when it is over', () => {
  it('leaves no process and no folder', async () => {
    const controlPlane = await startControlPlane();
    const folder = dirname(controlPlane.adminKubeconfig);
    expect(await processesOf(folder)).toHaveLength(3);
    await controlPlane.stop();
    expect(await processesOf(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    // A second time it does nothing.
    await controlPlane.stop();
  });

  it('leaves no process when its owner is killed', async () => {
    const module = join(import.meta.dirname, '../../lab/cluster/control-plane.ts');
    const script = `
      const { startControlPlane } = await import(${JSON.stringify(module)});
      console.log((await startControlPlane()).adminKubeconfig);
      setInterval(() => {}, 1000);`;
    const argv = ['--input-type=module', '--eval', script];
    const owner = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 });
    const { promise: up, resolve } = Promise.withResolvers<string>();
    createInterface({ input: owner.stdout }).once('line', resolve);
    const folder = dirname(await up);
    const processes = await processesOf(folder);
    expect(processes).toHaveLength(3);
    owner.kill('SIGKILL');
    // Ends when they have all ended; its own deadline would end it with an error.
    const waits = processes.map((pid) => run('timeout', ['30', 'tail', `--pid=${pid}`, '--follow', '/dev/null']));
    await expect(Promise.all(waits)).resolves.toHaveLength(3);
    rmSync(folder, { recursive: true });
  });
});

describe('what is missing', () => {
  it('is told, with the last lines of the program that ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lvs-director-test-'));
    try {
      const apiServer = join(folder, 'kube-apiserver');
      writeFileSync(apiServer, '#!/bin/sh\necho this one cannot work\nexit 7\n');
      chmodSync(apiServer, 0o755);
      const starting = startControlPlane({ programs: { ...findPrograms(), apiServer } });
      await expect(starting).rejects.toThrow(/kube-apiserver ended with exit code 7:\nthis one cannot work/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('may be the controller manager', async () => {
    const controlPlane = await startControlPlane({ programs: { ...findPrograms(), controllerManager: null } });
    try {
      expect(controlPlane.endpoint.controllers).toBe(false);
      const namespace = await makeNamespace(controlPlane);
      const { stdout } = await controlPlane.kubectl(['get', 'namespace', namespace, '--output', 'name']);
      expect(stdout).toBe(`namespace/${namespace}\n`);
    } finally {
      await controlPlane.stop();
    }
  });
});
