/** A real way to every reason: a reason that nothing can give has no case here, and then this file is not valid. */
import { describe, expect, it } from 'vitest';
import { compile, desiredOf } from '../../../src/controller/compile.ts';
import { interpretFolder, type LastGood } from '../../../src/controller/folder/interpret.ts';
import { reconcile } from '../../../src/controller/reconcile.ts';
import { objectStatuses } from '../../../src/controller/status.ts';
import { folderUid } from '../../../src/controller/uid.ts';
import type { Problem } from '../../../src/crd/problem.ts';
import { CLUSTER_REASONS, type FolderReason, REASONS } from '../../../src/crd/reasons.ts';
import { emptyElements } from '../../../src/host/netfilter/table.ts';
import { SETTINGS } from '../../../src/host/sysctl.ts';
import { byHand } from '../../support/desired.ts';
import { memoryKernel, type MemoryKernel } from '../../support/memory-kernel.ts';
import { folderWorld, realServerObject, virtualServiceObject } from '../../support/objects.ts';

const KEY = 'TCP/192.168.112.152:81';
const web = virtualServiceObject({});
const rs1 = realServerObject('rs1', { port: 10_000 });

interface Situation {
  /** Data of one file after another, or the text of one. */
  readonly files: readonly (readonly object[] | string)[];
  /** What is the matter with the kernel. */
  readonly kernel?: (kernel: MemoryKernel) => void;
  /** No reconciliation has been made yet. */
  readonly early?: boolean;
  /** Where it is found: in a problem, or in a condition of this type. */
  readonly found: 'problem' | 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Announced';
}

const NODE_ADDRESS = '192.168.112.1';
const NOTHING: LastGood = new Map();

/** All that the agent would say: problems, and conditions after one reconciliation. */
async function said({ files, kernel: disturb, early = false }: Situation): Promise<string[]> {
  const view = interpretFolder(
    files.map((content, index) => ({
      path: `${index}.yaml`,
      text: typeof content === 'string' ? content : content.map((data) => JSON.stringify(data)).join('\n---\n'),
      error: null,
    })),
    NOTHING,
  );
  const compiled = compile(folderWorld(view.objects));
  const wanted = desiredOf(compiled, view.retained);
  const kernel = memoryKernel({ nodeAddresses: [NODE_ADDRESS] });
  disturb?.(kernel);
  const result = await reconcile(wanted, kernel.node, () => undefined);
  if (!result.ok) throw new Error(result.message);
  const statuses = objectStatuses(compiled, view.problems, early ? null : result.value);
  return [
    ...view.problems.map((problem: Problem) => `problem ${problem.reason}`),
    ...statuses.flatMap((status) => status.conditions.map((condition) => `${condition.type} ${condition.reason}`)),
  ];
}

const own = (spec: object) => virtualServiceObject({ addresses: ['192.168.112.200'], ...spec });
const rs6 = realServerObject('rs6', { address: '2001:db8::53', port: 10_000 });

const CASES: Readonly<Record<FolderReason, readonly Situation[]>> = {
  Announced: [{ files: [[web, rs1]], found: 'Announced' }],
  ByRoute: [{ files: [[own({ announce: 'None' }), rs1]], found: 'Announced' }],
  NoNeighbourDiscovery: [{ files: [[own({ addresses: ['2001:db8::1'] }), rs6]], found: 'Announced' }],
  NotAnnounced: [
    { files: [[web, rs1]], kernel: ({ state }) => state.services.set(KEY, byHand(KEY)), found: 'Announced' },
  ],
  Accepted: [{ files: [[web, rs1]], found: 'Accepted' }],
  Invalid: [
    { files: [[virtualServiceObject({ ports: [{ port: 0 }] })]], found: 'problem' },
    { files: [[virtualServiceObject({ ports: [{ port: 0 }] })]], found: 'Accepted' },
  ],
  UnknownKind: [{ files: [[{ ...web, kind: 'Service' }]], found: 'problem' }],
  Unreadable: [{ files: ['{'], found: 'problem' }],
  DuplicateObject: [
    { files: [[web, rs1], [web]], found: 'problem' },
    { files: [[web, rs1], [web]], found: 'Accepted' },
  ],
  Conflict: [
    { files: [[web, rs1, virtualServiceObject({}, { name: 'second' })]], found: 'Accepted' },
    { files: [[web, rs1]], kernel: ({ state }) => state.services.set(KEY, byHand(KEY)), found: 'Programmed' },
    {
      files: [[web, rs1]],
      kernel: ({ faults, state }) => {
        faults.interfere = (line) => {
          if (line.startsWith('ipvs new-service')) state.services.set(KEY, byHand(KEY));
        };
      },
      found: 'Programmed',
    },
  ],
  ResolvedRefs: [{ files: [[web, rs1]], found: 'ResolvedRefs' }],
  NoRealServers: [{ files: [[web]], found: 'ResolvedRefs' }],
  DuplicateRealServer: [{ files: [[web, rs1, realServerObject('rs2', { port: 10_000 })]], found: 'ResolvedRefs' }],
  Programmed: [{ files: [[web, rs1]], found: 'Programmed' }],
  Pending: [
    { files: [[web, rs1]], early: true, found: 'Programmed' },
    {
      files: [[web, rs1]],
      // The VIP is taken away as soon as it is there, so that each look finds it missing.
      kernel: ({ faults, state }) => {
        faults.watch = (line) => {
          if (line.startsWith('link add-address'))
            state.addresses = state.addresses.filter((entry) => entry.linkIndex < 3);
        };
      },
      found: 'Programmed',
    },
  ],
  SysctlWrong: [
    {
      files: [[web, rs1]],
      kernel: ({ state }) => {
        state.wrongSettings = SETTINGS.map((setting) => ({ setting, found: '0' }));
      },
      found: 'Programmed',
    },
  ],
  SchedulerUnavailable: [{ files: [[virtualServiceObject({ scheduler: 'twos' }), rs1]], found: 'Programmed' }],
  KernelRefused: [
    {
      files: [[web, rs1]],
      kernel: ({ faults, state }) => {
        faults.watch = (line) => {
          if (line.startsWith('ipvs new-service')) state.services.delete(KEY);
        };
      },
      found: 'Programmed',
    },
  ],
  NetfilterFailed: [
    {
      files: [[web, rs1]],
      kernel: ({ faults }) => {
        faults.nft = 'nft is not installed: install the nftables package';
      },
      found: 'Programmed',
    },
  ],
  Waiting: [
    {
      // What IPVS had for `web` is gone, the table still names it, and the transaction that fails is for `own` alone.
      files: [[web, virtualServiceObject({ addresses: [NODE_ADDRESS] }, { name: 'own' })]],
      kernel: ({ state, faults }) => {
        const element = '192.168.112.152 . tcp . 81';
        const uid = folderUid({ kind: 'VirtualService', namespace: 'default', name: 'web' });
        state.table = {
          shapeCurrent: true,
          elements: {
            ...emptyElements(),
            vip4: new Map([['192.168.112.152', '']]),
            svc4: new Map([[element, '']]),
            masq4: new Map([[element, '']]),
            ledger4: new Map([[element, uid]]),
          },
        };
        faults.nft = 'nft -f: no';
      },
      found: 'Programmed',
    },
  ],
};

describe('a reason', () => {
  const all = Object.entries(CASES).flatMap(([reason, situations]) =>
    situations.map((situation) => ({ reason, situation })),
  );

  it.each(all)('$reason is given by $situation.found', async ({ reason, situation }) => {
    expect(await said(situation)).toContain(`${situation.found} ${reason}`);
  });

  it('is one of the list, and has a case and a meaning', () => {
    expect([...Object.keys(CASES), ...CLUSTER_REASONS].toSorted()).toEqual(Object.keys(REASONS).toSorted());
    expect(Object.values(CASES).filter((situations) => situations.length === 0)).toEqual([]);
    expect(Object.values(REASONS).filter((meaning) => !/^[A-Z].*\.$/.test(meaning))).toEqual([]);
  });
});
