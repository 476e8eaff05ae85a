// What end-to-end tests share: the lab, and the control plane of all of them.
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { inject } from 'vitest';
import { attachControlPlane, type ControlPlaneAccess } from '../../lab/cluster/access.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import { type ApiObject, until } from '../../lab/cluster/until.ts';
import { attachLab, type Lab } from '../../lab/lab.ts';

export const lab = (): Lab => attachLab(inject('lab').endpoint, inject('lab').description);

/** Other tests use it at the same time: a test works in a namespace of its own, and starts no agents on it. */
export const sharedControlPlane = (): ControlPlaneAccess => attachControlPlane(inject('controlPlane'));

/** `ipvsadm -Sn` of a node, sorted. */
export async function ipvs({ network }: Cluster, node: string): Promise<string[]> {
  const { stdout } = await network.run(node, ['ipvsadm', '-Sn']);
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .toSorted();
}

/** The machine may be busy with kernel tests. */
const DEADLINE_MS = 120_000;
const POLL_MS = 100;

/** Looks again and again, for what tells nothing by itself when it changes: a kernel table. Rejects with the last look. */
export async function eventually<T>(
  look: () => Promise<T>,
  isRight: (seen: T) => boolean,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const late = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (isRight(seen)) return seen;
    if (performance.now() > late) throw new Error(`not as expected after ${deadlineMs} ms: ${JSON.stringify(seen)}`);
    await setTimeout(POLL_MS);
  }
}

/** Resolves when the table of a node is exactly this one, in the words of `ipvsadm -Sn`. */
export async function awaitTable(cluster: Cluster, node: string, lines: readonly string[]): Promise<void> {
  const wanted = lines.toSorted();
  await eventually(
    () => ipvs(cluster, node),
    (table) => isDeepStrictEqual(table, wanted),
  );
}

interface Conditioned extends ApiObject {
  readonly status?: { readonly conditions?: readonly StatusCondition[] };
}

export interface StatusCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** `virtualservices`, `realservers`: conditions of an object by type, as soon as they are as wanted for its generation. */
export async function awaitConditions(
  { controlPlane }: Cluster,
  plural: string,
  name: string,
  wanted: Readonly<Record<string, string>>,
  deadlineMs = DEADLINE_MS,
): Promise<Readonly<Record<string, StatusCondition>>> {
  const path = `/apis/lvs-director.io/v1alpha1/namespaces/default/${plural}`;
  return until<Conditioned, Readonly<Record<string, StatusCondition>>>(
    controlPlane,
    path,
    (objects) => {
      const object = objects.find(({ metadata }) => metadata.name === name);
      const conditions = Object.fromEntries((object?.status?.conditions ?? []).map((each) => [each.type, each]));
      if (conditions['Accepted']?.observedGeneration !== object?.metadata.generation) return undefined;
      const isSo = Object.entries(wanted).every(([type, text]) => {
        const { status, reason } = conditions[type] ?? {};
        return text === status || text === `${status} ${reason}`;
      });
      return isSo ? conditions : undefined;
    },
    { deadlineMs },
  );
}

/** As a person waits who has just applied something. */
export const waitProgrammed = (
  { controlPlane }: Cluster,
  what = 'virtualservices/web',
): ReturnType<Cluster['controlPlane']['kubectl']> =>
  controlPlane.kubectl(['wait', what, '--for=condition=Programmed', '--timeout=120s'], { deadlineMs: 150_000 });
