/** What really happened, as conditions of objects. */
import { describe, expect, it } from 'vitest';
import type { StepFailure, StepOutcome } from '../../../src/controller/apply.ts';
import { compile } from '../../../src/controller/compile.ts';
import type { NodePlan } from '../../../src/controller/node-plan.ts';
import type { NodeState } from '../../../src/controller/node-state.ts';
import { CONDITION_TYPES, objectStatuses, type Progress } from '../../../src/controller/status.ts';
import type { Step } from '../../../src/controller/steps.ts';
import type { Problem } from '../../../src/crd/problem.ts';
import { SETTINGS } from '../../../src/host/sysctl.ts';
import { folderWorld, realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';
import { createTable, newDestination, newService } from '../../support/steps.ts';

const KEY = 'TCP/192.168.112.152:81';
const rs1 = realServerObject('rs1', { port: 10_000 });
const objects = (...data: object[]) => compile(folderWorld(data.map(valid)));
const web = objects(rs1, virtualServiceObject({}));
const owner = web.objects[0]?.owner ?? null;
const other = { uid: 'other', name: 'default/other' };

const progress = (
  plan: Partial<NodePlan> = {},
  outcomes: readonly StepOutcome[] = [],
  state: Partial<NodeState> = {},
): Progress => ({
  plan: { steps: [], conflicts: new Set(), held: new Set(), ours: new Map(), vips: new Set(), ...plan },
  state: { services: [], table: null, witness: null, links: [], addresses: [], wrongSettings: [], ...state },
  outcomes,
});
const problem = (object: string | null, more: Partial<Problem> = {}): Problem => ({
  reason: 'Invalid',
  object,
  field: 'spec.port',
  message: '0 is no port',
  remedy: 'Correct the field.',
  place: null,
  ...more,
});
const failure = (reason: StepFailure['reason'], message: string): StepFailure => ({
  reason,
  message,
  uncertain: false,
});
const forOwner = (step: Step, by = owner): Step => ({ ...step, owner: by });

/** `TYPE STATUS REASON: MESSAGE` of the object's conditions. */
const conditions = (...args: Parameters<typeof objectStatuses>): string[] =>
  objectStatuses(...args).flatMap((status) =>
    status.conditions.map((found) => `${found.type} ${found.status} ${found.reason}: ${found.message}`),
  );
const programmed = (now: Progress | null, compiled = web): string | undefined =>
  conditions(compiled, [], now).find((text) => text.startsWith('Programmed'));

describe('an object that is served', () => {
  it('has every condition true', () => {
    expect(objectStatuses(web, [], progress())).toEqual([
      {
        object: 'VirtualService default/web',
        uid: owner?.uid,
        services: [KEY],
        conditions: [
          { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The object is valid.' },
          { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'Every back end was found.' },
          { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'The kernel has it.' },
          {
            type: 'Announced',
            status: 'True',
            reason: 'Announced',
            message: 'One director answers for it on the LAN.',
          },
        ],
      },
    ]);
    expect(objectStatuses(web, [], null)[0]?.conditions.map((found) => found.type)).toEqual(CONDITION_TYPES);
  });
});

describe('Accepted', () => {
  it('says what is wrong in the object, all of it, and that the last good state is served', () => {
    const problems = [
      problem('VirtualService default/web'),
      problem('VirtualService default/web', { field: null, message: 'no' }),
    ];
    expect(conditions(web, problems, progress())[0]).toBe(
      'Accepted False Invalid: spec.port: 0 is no port (Invalid). Correct the field.; no (Invalid). Correct the field. What was accepted before is still served.',
    );
  });

  it('takes the reason of the first problem', () => {
    const problems = [
      problem('VirtualService default/web', { reason: 'DuplicateObject' }),
      problem('VirtualService default/web'),
    ];
    expect(conditions(web, problems, progress())[0]).toMatch(/^Accepted False DuplicateObject: /);
  });

  it('does not care about problems of other objects or of whole files', () => {
    const problems = [problem('RealServer default/web'), problem(null, { reason: 'Unreadable' })];
    const found = objectStatuses(web, problems, progress());
    expect(found.map((status) => status.object)).toEqual(['RealServer default/web', 'VirtualService default/web']);
    expect(found[1]?.conditions[0]?.status).toBe('True');
  });

  it('names what another VirtualService has', () => {
    const ports = [{ port: 81 }, { port: 82 }, { port: 83 }];
    const both = objects(
      rs1,
      virtualServiceObject({ ports: ports.slice(0, 2) }),
      virtualServiceObject({ ports }, { name: 'x' }),
    );
    expect(conditions(both, [], progress())[4]).toBe(
      `Accepted False Conflict: ${KEY} belongs to VirtualService default/web; TCP/192.168.112.152:82 belongs to VirtualService default/web`,
    );
    expect(conditions(both, [], progress())[6]).toBe('Programmed True Programmed: The kernel has it.');
  });
});

describe('an object with problems', () => {
  it('is listed once', () => {
    expect(objectStatuses(web, [problem('VirtualService default/web')], progress())).toHaveLength(1);
  });
});

describe('an object that was never accepted', () => {
  it('is listed with its problems, among the others in order of name', () => {
    const problems = [
      problem('VirtualService default/zero'),
      problem('VirtualService default/alpha', { message: 'a' }),
      problem('VirtualService default/alpha', { message: 'b' }),
    ];
    expect(objectStatuses(web, problems, progress()).map((status) => status.object)).toEqual([
      'VirtualService default/alpha',
      'VirtualService default/web',
      'VirtualService default/zero',
    ]);
    expect(objectStatuses(web, problems, progress())[0]).toEqual({
      object: 'VirtualService default/alpha',
      uid: null,
      services: [],
      conditions: [
        {
          type: 'Accepted',
          status: 'False',
          reason: 'Invalid',
          message:
            'spec.port: a (Invalid). Correct the field.; spec.port: b (Invalid). Correct the field. It was never accepted, so it is not served.',
        },
      ],
    });
  });
});

describe('ResolvedRefs', () => {
  it('says which back ends were not found', () => {
    const backends = ['x', 'y'].map((app) => ({ realServers: { matchLabels: { app } } }));
    expect(conditions(objects(virtualServiceObject({ backends })), [], progress())).toEqual([
      'Accepted True Accepted: The object is valid.',
      'ResolvedRefs False NoRealServers: no RealServer of this namespace carries app=x; no RealServer of this namespace carries app=y',
      'Programmed True Programmed: The kernel has it.',
      'Announced True Announced: One director answers for it on the LAN.',
    ]);
  });
});

describe('remarks', () => {
  it('go to the condition that they are about', () => {
    const both = objects(virtualServiceObject({}), virtualServiceObject({}, { name: 'x' }));
    expect(conditions(both, [], progress()).slice(4, 6)).toEqual([
      `Accepted False Conflict: ${KEY} belongs to VirtualService default/web`,
      'ResolvedRefs False NoRealServers: no RealServer of this namespace carries app=web',
    ]);
  });

  it('about both do not mix', () => {
    const both = objects(rs1, virtualServiceObject({}), virtualServiceObject({}, { name: 'x' }));
    expect(conditions(both, [], progress())[5]).toBe('ResolvedRefs True ResolvedRefs: Every back end was found.');
  });
});

describe('Programmed', () => {
  const step = forOwner(newService(KEY));

  it('is not known before the kernel was looked at', () => {
    expect(programmed(null)).toBe('Programmed Unknown Pending: The kernel has not been looked at yet.');
  });

  it('is false when others have all that the object wants', () => {
    const both = objects(rs1, virtualServiceObject({}), virtualServiceObject({}, { name: 'x' }));
    expect(conditions(both, [], progress())[6]).toBe(
      'Programmed False Conflict: Nothing is left to program: others have all its addresses and ports.',
    );
  });

  it('is false while a service of somebody else stands in the way', () => {
    const two = objects(rs1, virtualServiceObject({ ports: [{ port: 81 }, { port: 82 }, { port: 83 }] }));
    const conflicts = new Set([KEY, 'TCP/192.168.112.152:83']);
    expect(programmed(progress({ conflicts, held: conflicts, steps: [step] }), two)).toBe(
      `Programmed False Conflict: ${KEY}, TCP/192.168.112.152:83: IPVS has this service already and it is not ours; remove it there, or change the object`,
    );
  });

  it('is false while a required kernel setting is wrong, and names it', () => {
    const wrongSettings = SETTINGS.slice(0, 4).map((setting) => ({ setting, found: '0' }));
    const two = objects(rs1, virtualServiceObject({ ports: [{ port: 80 }, { port: 81 }] }));
    expect(programmed(progress({ held: new Set([KEY]) }, [], { wrongSettings }), two)).toBe(
      'Programmed False SysctlWrong: ' +
        'net.ipv4.vs.conntrack is 0 and must be 1: without it connections through IPVS are not tracked, so nothing is masqueraded and firewalls see them as invalid; ' +
        'net.ipv4.ip_forward is 0 and must be 1: answers of real servers are forwarded packets; ' +
        'net.ipv6.conf.all.forwarding is 0 and must be 1: answers of real servers are forwarded packets. ' +
        'Run `lvs-director init`.',
    );
    expect(programmed(progress({ held: new Set(['TCP/10.0.0.9:1']) }, [], { wrongSettings }))).toMatch(
      /^Programmed True/,
    );
  });

  it('is false with the reason of the step that failed', () => {
    const outcomes = [{ step, failure: failure('SchedulerUnavailable', 'no twos') }];
    expect(programmed(progress({ steps: [step] }, outcomes))).toBe('Programmed False SchedulerUnavailable: no twos');
  });

  it('names the cause before what waits for it', () => {
    const outcomes = [
      { step: forOwner(newDestination(KEY, '10.0.0.1:80')), failure: failure('Waiting', 'waits') },
      { step, failure: failure('KernelRefused', 'no') },
    ];
    expect(programmed(progress({}, outcomes))).toBe('Programmed False KernelRefused: no');
    expect(programmed(progress({}, outcomes.slice(0, 1)))).toBe('Programmed False Waiting: waits');
  });

  it('is false when a step for all objects failed, and not for one of another object', () => {
    const failed = failure('NetfilterFailed', 'no nft');
    expect(programmed(progress({}, [{ step: createTable, failure: failed }]))).toBe(
      'Programmed False NetfilterFailed: no nft',
    );
    expect(programmed(progress({}, [{ step: forOwner(step, other), failure: failed }]))).toMatch(/^Programmed True/);
  });

  it('is true when what failed was made good later', () => {
    const outcomes = [
      { step, failure: failure('KernelRefused', 'timeout') },
      { step: { ...step }, failure: null },
    ];
    expect(programmed(progress({}, outcomes))).toMatch(/^Programmed True/);
    expect(programmed(progress({}, outcomes.toReversed()))).toBe('Programmed False KernelRefused: timeout');
    const elsewhere = { step: forOwner(newService('TCP/192.168.112.152:82')), failure: null };
    expect(programmed(progress({}, [...outcomes.slice(0, 1), elsewhere]))).toBe(
      'Programmed False KernelRefused: timeout',
    );
  });

  it('is false while steps are left for the object or for all', () => {
    const pending = 'Programmed False Pending: The kernel does not have all of it yet.';
    expect(programmed(progress({ steps: [step] }))).toBe(pending);
    expect(programmed(progress({ steps: [createTable] }))).toBe(pending);
    expect(programmed(progress({ steps: [forOwner(step, other)] }))).toMatch(/^Programmed True/);
  });
});
