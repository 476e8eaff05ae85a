/**
 * A Kubernetes control plane on this machine's loopback: etcd, kube-apiserver and kube-controller-manager, without nodes.
 * Everything that it writes lies in a folder of its own, which goes away with it.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachControlPlane, type ControlPlaneAccess } from './access.ts';
import { type ApiServer, freePort, makeApiServer, SERVER_NAMES } from './api-server.ts';
import { findPrograms, type Programs } from './assets.ts';
import { type AuditedRequest, auditFlags, readAudit } from './audit.ts';
import { makeCertificates } from './certificates.ts';
import { makeControllers } from './controllers.ts';
import { makeEnds } from './ends.ts';
import { startEtcd } from './etcd.ts';
import { awaitServiceAccount } from './objects.ts';

export interface ControlPlane extends ControlPlaneAccess {
  readonly apiServer: ApiServer;
  readonly startMs: number;
  /** What ServiceAccounts have asked for so far. */
  audited(): Promise<readonly AuditedRequest[]>;
  /**
   * Forget all but the newest revision, so that a watch from an older one gets 410. The API server remembers what it has
   * seen as long as it runs: one that runs is started anew, and its connections break.
   */
  compact(): Promise<void>;
  /** Ends all of it and removes its folder. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  /** The programs; by default those that `lab/cluster/install.sh` made available. */
  readonly programs?: Programs;
}

/** Resolves when the API server is ready and, with a controller manager, the controllers work. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = options.programs ?? findPrograms();
  const began = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'lvs-director-cluster-'));
  // Also when whoever started it throws: its programs end by themselves then.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', removeFolder);
  const ends = makeEnds();
  ends.add(() => {
    process.off('exit', removeFolder);
    removeFolder();
  });
  try {
    const certificates = await makeCertificates(folder, SERVER_NAMES);
    const etcd = await startEtcd(programs.etcd, folder);
    ends.add(() => etcd.child.kill());

    const token = randomBytes(16).toString('hex');
    const tokenFile = join(folder, 'tokens.csv');
    await writeFile(tokenFile, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    const port = await freePort();
    const adminKubeconfig = join(folder, 'kubeconfig');
    const access = attachControlPlane({
      port,
      token,
      ca: certificates.ca,
      caFile: certificates.caFile,
      adminKubeconfig,
      kubectlProgram: programs.kubectl,
      controllers: programs.controllerManager !== null,
    });
    await writeFile(adminKubeconfig, access.kubeconfig(), { mode: 0o600 });
    const server = makeApiServer({
      program: programs.apiServer,
      folder,
      port,
      etcdUrl: etcd.url,
      certificates,
      tokenFile,
      audit: await auditFlags(folder),
      requests: access,
    });
    const controllers = makeControllers({
      program: programs.controllerManager,
      folder,
      kubeconfig: adminKubeconfig,
      serviceAccountKey: certificates.serviceAccountKey,
    });
    const apiServer: ApiServer = {
      ...server,
      async stop() {
        await controllers.stop();
        await server.stop();
      },
      async start() {
        await server.start();
        await controllers.start();
      },
    };
    ends.add(() => apiServer.stop());
    await apiServer.start();
    if (access.endpoint.controllers) {
      // The first thing that shows that they work.
      await awaitServiceAccount(access, 'default').catch((error: unknown) => {
        throw new Error(`the controllers do not work:\n${controllers.lastLines()}`, { cause: error });
      });
    }
    return {
      ...access,
      apiServer,
      startMs: Math.round(performance.now() - began),
      audited: () => readAudit(folder),
      async compact() {
        const wasRunning = apiServer.isRunning();
        await apiServer.stop();
        await etcd.compact();
        if (wasRunning) await apiServer.start();
      },
      stop: () => ends.run(),
    };
  } catch (error) {
    await ends.run();
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the control plane did not start: ${why}`, { cause: error });
  }
}
