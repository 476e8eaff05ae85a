/** What a director says about itself. */
import { describe, expect, it } from 'vitest';
import type { Turn } from '../../../src/controller/agent.ts';
import { type DirectorFacts, directorStatusOf, MOST_BYTES } from '../../../src/controller/director-status.ts';
import { directorStatus, type DirectorStatus } from '../../../src/crd/director.ts';
import type { Problem } from '../../../src/crd/problem.ts';
import { SETTINGS } from '../../../src/host/sysctl.ts';
import { LATER, NOW, uidOf, VIP } from '../../support/summing.ts';
import { byHand } from '../../support/desired.ts';
import { realServerObject, virtualServiceObject } from '../../support/objects.ts';
import { type Disturb, turnOf, type TurnOptions } from '../../support/turn.ts';

const FACTS: DirectorFacts = {
  agentVersion: '1.2.3',
  kernelRelease: '6.12.0',
  ipvs: { version: '1.2.1', connectionTableSize: 4096 },
  self: 'a',
};
const web = (spec: object = {}, name = 'web') => virtualServiceObject({ addresses: [VIP], ...spec }, { name });
const rs = realServerObject('rs', { address: '192.168.112.153', port: 10_000 });
const KEY = `TCP/${VIP}:81`;

/** A status that the API would not take, or would take otherwise, is an error. */
function said(turn: Turn, before: DirectorStatus | null = null, now = NOW): DirectorStatus {
  const status = directorStatusOf(turn, FACTS, before, now);
  expect(directorStatus.parse(JSON.parse(JSON.stringify(status)))).toEqual(status);
  return status;
}
const after = async (options: TurnOptions): Promise<DirectorStatus> => said(await turnOf(options));
const exceptions = ({ exceptions: list }: DirectorStatus): string[] =>
  list.map(({ name, reason }) => `${name} ${reason}`);
const condition = (status: DirectorStatus, type: string) => status.conditions.find((found) => found.type === type);

const wrongSettings =
  (required: boolean): Disturb =>
  ({ state }) => {
    state.wrongSettings = SETTINGS.filter((setting) => setting.required === required).map((setting) => ({
      setting,
      found: '0',
    }));
  };

describe('a director that has everything', () => {
  it('says so, and what it has', async () => {
    const objects = [web({ ports: [{ port: 81 }, { port: 82 }] }), web({ ports: [{ port: 83 }] }, 'more'), rs];
    expect(await after({ objects })).toEqual({
      conditions: [
        {
          type: 'KernelReady',
          status: 'True',
          reason: 'KernelReady',
          message: 'IPVS is there, and the settings are right.',
          lastTransitionTime: NOW,
        },
        {
          type: 'Synced',
          status: 'True',
          reason: 'Synced',
          message: 'All objects were read, and the kernel was told.',
          lastTransitionTime: NOW,
        },
      ],
      agentVersion: '1.2.3',
      kernel: { release: '6.12.0', ipvsVersion: '1.2.1', connectionTableSize: 4096 },
      observed: { virtualServices: '120', realServers: '110' },
      counts: { virtualServices: 2, services: 3, destinations: 3 },
      vips: [VIP],
      exceptions: [],
      truncated: 0,
    });
  });

  it('lists the addresses that are its own by reason of objects, in order', async () => {
    const addresses = ['192.168.112.201', VIP, '192.168.112.151'];
    const status = await after({ objects: [web({ addresses }), rs] });
    expect(status.vips).toEqual([VIP, '192.168.112.201']);
    expect(status.counts).toEqual({ virtualServices: 1, services: 3, destinations: 3 });
  });

  it('does not count what other directors serve', async () => {
    const elsewhere = web({ directors: { nodeSelector: { rack: 'another' } } });
    const status = await after({ objects: [elsewhere, rs] });
    expect(status).toMatchObject({ counts: { virtualServices: 0, services: 0, destinations: 0 }, vips: [] });
  });
});

describe('what it has followed', () => {
  it('is left out as long as nothing was carried out', async () => {
    const turn = await turnOf({ objects: [] });
    expect(said({ ...turn, applied: null }).observed).toEqual({});
    const none = { virtualServices: null, realServers: null };
    const some = { changes: { virtualServices: '7', realServers: null }, events: none };
    expect(said({ ...turn, applied: some }).observed).toEqual({ virtualServices: '7' });
  });
});

describe('an exception', () => {
  it('names the object, its generation in force, and why the kernel does not have it', async () => {
    const status = await after({
      objects: [{ data: web(), generation: 4 }, rs],
      kernel: ({ state }) => state.services.set(KEY, byHand(KEY)),
    });
    expect(status.exceptions).toEqual([
      {
        kind: 'VirtualService',
        namespace: 'default',
        name: 'web',
        uid: uidOf(web()),
        generation: 4,
        condition: 'Programmed',
        reason: 'Conflict',
        message: `${KEY}: IPVS has this service already and it is not ours; remove it there, or change the object`,
      },
    ]);
    expect(condition(status, 'Synced')).toMatchObject({ status: 'True' });
  });

  it('has the generation that is served when a newer one is invalid', async () => {
    const data = web({ ports: [{ port: 0 }] });
    const edited = { data, generation: 5, good: { data: web(), generation: 4 } };
    const kernel: Disturb = ({ state }) => state.services.set(KEY, byHand(KEY));
    expect((await after({ objects: [edited, rs], kernel })).exceptions).toMatchObject([{ generation: 4 }]);
    expect((await after({ objects: [edited, rs] })).exceptions).toEqual([]);
  });

  it('is made of what is served elsewhere only where the labels match', async () => {
    const objects = [
      web({ addresses: ['192.168.112.152'] }, 'of-b'),
      web({ directors: { nodeSelector: { rack: 'another' } } }, 'not-asked'),
      rs,
    ];
    expect(exceptions(await after({ objects }))).toEqual(['of-b NotHere']);
  });

  it('is made of every object while the kernel was never looked at', async () => {
    const blind: Disturb = ({ faults }) => {
      faults.blind = { ipvs: true };
    };
    const status = await after({ objects: [web(), rs], kernel: blind });
    expect(exceptions(status)).toEqual(['web Pending']);
    expect(status.vips).toEqual([]);
  });

  it('is made of what is not permitted, what fails and what has nothing left', async () => {
    const objects = [
      web({ scheduler: 'twos' }, 'a-scheduler'),
      web({ addresses: ['203.0.113.1'] }, 'b-forbidden'),
      web({}, 'z-second'),
      rs,
    ];
    expect(exceptions(await after({ objects }))).toEqual([
      'a-scheduler SchedulerUnavailable',
      'b-forbidden AddressNotAllowed',
      'z-second Conflict',
    ]);
  });

  it('is not made of what was never understood, which no kernel could have', async () => {
    const status = await after({ objects: [web({ ports: [{ port: 0 }] }), { ...rs, spec: {} }] });
    expect(status.exceptions).toEqual([]);
  });

  it('has a message of 1024 characters at most', async () => {
    const kernel: Disturb = ({ faults }) => {
      faults.nft = 'x'.repeat(5_000);
    };
    const [first] = (await after({ objects: [web(), rs], kernel })).exceptions;
    expect(first?.message).toHaveLength(1_024);
  });
});

describe('many exceptions', () => {
  const several = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      web({ ports: [{ port: 1_000 + index }] }, `web-${String(index).padStart(4, '0')}`),
    );
  const refuse =
    (message: string): Disturb =>
    ({ faults }) => {
      faults.nft = message;
    };

  it('are cut to 256, and it is said how many are missing', async () => {
    const status = await after({ objects: several(300), kernel: refuse('no') });
    expect(status.exceptions).toHaveLength(256);
    expect(status.exceptions[255]?.name).toBe('web-0255');
    expect(status.truncated).toBe(44);
    expect((await after({ objects: several(256), kernel: refuse('no') })).truncated).toBe(0);
  });

  it.each([
    ['long', 'x'.repeat(2_000)],
    ['long and not ASCII', '✗'.repeat(2_000)],
  ])('that are %s are cut until the status has 64 KiB, and it is said how many are missing', async (_what, text) => {
    const status = await after({ objects: several(300), kernel: refuse(text) });
    expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThanOrEqual(MOST_BYTES);
    expect(status.exceptions.length).toBeGreaterThan(0);
    expect(status.exceptions.length + status.truncated).toBe(300);
    expect(status.exceptions[0]?.name).toBe('web-0000');
  });

  it('leave 1024 addresses in the list', async () => {
    const addresses = (from: number) => Array.from({ length: 16 }, (_, index) => `192.168.112.${from + index}`);
    const turn = await turnOf({ objects: [web({ addresses: addresses(1) }), rs] });
    const { last } = turn;
    if (last === null) throw new Error('the kernel was not looked at');
    const vips = new Set(Array.from({ length: 2_000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`));
    expect(said({ ...turn, last: { ...last, plan: { ...last.plan, vips } } }).vips).toHaveLength(1_024);
  });
});

describe('KernelReady', () => {
  it('is false while a setting is wrong that is needed, and tells how to set it', async () => {
    const status = await after({ objects: [], kernel: wrongSettings(true) });
    expect(condition(status, 'KernelReady')).toMatchObject({ status: 'False', reason: 'KernelNotReady' });
    expect(condition(status, 'KernelReady')?.message).toMatch(
      /net\.ipv4\.vs\.conntrack.*Run `lvs-director init` on the node\.$/,
    );
  });

  it('does not care about settings that are good advice', async () => {
    const status = await after({ objects: [], kernel: wrongSettings(false) });
    expect(condition(status, 'KernelReady')).toMatchObject({ status: 'True', reason: 'KernelReady' });
  });

  it('is unknown before the kernel was looked at', async () => {
    const turn = await turnOf({ objects: [] });
    expect(condition(said({ ...turn, last: null }), 'KernelReady')).toMatchObject({
      status: 'Unknown',
      reason: 'Pending',
    });
  });
});

describe('Synced', () => {
  const synced = (status: DirectorStatus) => condition(status, 'Synced');

  it('is false with what is the matter with the source or the kernel', async () => {
    const turn = await turnOf({ objects: [] });
    expect(synced(said({ ...turn, trouble: 'nobody answers' }))).toMatchObject({
      status: 'False',
      reason: 'NotSynced',
      message: 'nobody answers',
    });
    expect(synced(said({ ...turn, trouble: 'x'.repeat(50_000) }))?.message).toHaveLength(8_192);
  });

  it('is false while a kind cannot be followed, and says which', async () => {
    const turn = await turnOf({ objects: [] });
    const problem = (reason: Problem['reason'], message: string): Problem => ({
      reason,
      object: null,
      field: null,
      message,
      remedy: '',
      place: null,
    });
    const problems = [
      problem('SourceIncomplete', 'this'),
      problem('Invalid', 'no'),
      problem('SourceIncomplete', 'that'),
    ];
    expect(synced(said({ ...turn, view: { ...turn.view, problems } }))).toMatchObject({
      status: 'False',
      reason: 'NotSynced',
      message: 'this; that',
    });
    const other = { ...turn.view, problems: problems.slice(1, 2) };
    expect(synced(said({ ...turn, view: other }))).toMatchObject({ status: 'True' });
  });

  it('is false while the kernel does not have everything', async () => {
    const kernel: Disturb = ({ faults }) => {
      faults.nft = 'no';
    };
    expect(synced(await after({ objects: [web(), rs], kernel }))).toMatchObject({
      status: 'False',
      reason: 'NotSynced',
      message: 'The kernel does not have everything: see exceptions.',
    });
    const turn = await turnOf({ objects: [] });
    expect(synced(said({ ...turn, last: null }))).toMatchObject({ status: 'False' });
  });
});

describe('the time of a condition', () => {
  it('changes only with its status', async () => {
    const good = await turnOf({ objects: [] });
    const first = said(good);
    const times = ({ conditions }: DirectorStatus) => conditions.map(({ lastTransitionTime }) => lastTransitionTime);
    expect(times(said(good, first, LATER))).toEqual([NOW, NOW]);
    const troubled = said({ ...good, trouble: 'this' }, first, LATER);
    expect(times(troubled)).toEqual([NOW, LATER]);
    expect(times(said({ ...good, trouble: 'that' }, troubled, '2027-01-01T00:00:00Z'))).toEqual([NOW, LATER]);
  });

  it('makes no difference where nothing else does', async () => {
    const turn = await turnOf({ objects: [web(), rs] });
    const first = said(turn);
    expect(said(turn, first, LATER)).toEqual(first);
  });
});
