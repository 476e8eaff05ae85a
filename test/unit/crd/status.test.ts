/** The status that directors of other versions have written: what is read of it, and what is not. */
import { describe, expect, it } from 'vitest';
import {
  director,
  type Director,
  type DirectorException,
  directorStatus,
  type DirectorStatus,
} from '../../../src/crd/director.ts';
import {
  condition,
  realServerStatus,
  type RealServerStatus,
  type StatusCondition,
  virtualServiceStatus,
  type VirtualServiceStatus,
} from '../../../src/crd/status.ts';

const programmed = {
  type: 'Programmed',
  status: 'True',
  observedGeneration: 3,
  lastTransitionTime: '2026-01-02T03:04:05Z',
  reason: 'Programmed',
  message: 'The kernel has it.',
};

const exception = {
  kind: 'VirtualService',
  namespace: 'default',
  name: 'web',
  uid: '0b6a',
  generation: 2,
  condition: 'Programmed',
  reason: 'Conflict',
  message: 'IPVS has this service already.',
};

const written = {
  conditions: [programmed],
  agentVersion: '0.1.0',
  kernel: { release: '6.12.0', ipvsVersion: '1.2.1', connectionTableSize: 4096 },
  observed: { virtualServices: '17', realServers: '16' },
  counts: { virtualServices: 2, services: 3, destinations: 6 },
  vips: ['192.0.2.1', '2001:db8::1'],
  exceptions: [exception],
  truncated: 4,
};

describe('a status', () => {
  it.each([
    ['a VirtualService', virtualServiceStatus, { conditions: [] }],
    ['a RealServer', realServerStatus, { conditions: [] }],
    ['a Director', directorStatus, { conditions: [], observed: {}, vips: [], exceptions: [], truncated: 0 }],
  ])('of %s may still be empty', (_, schema, expected) => {
    expect(schema.parse({})).toEqual(expected);
  });

  it.each([
    [
      'a VirtualService',
      virtualServiceStatus,
      {
        addresses: ['192.0.2.1'],
        conditions: [programmed],
        backends: { total: 2, healthy: 1 },
        directors: { programmed: 1, total: 3 },
      },
    ],
    ['a RealServer', realServerStatus, { conditions: [programmed] }],
    ['a Director', directorStatus, written],
  ])('of %s keeps what is known and forgets what is not', (_, schema, status) => {
    expect(schema.parse({ ...status, colour: 'red' })).toEqual(status);
  });

  it('loses unknown fields inside lists too', () => {
    expect(directorStatus.parse({ exceptions: [{ ...exception, colour: 'red' }] }).exceptions).toEqual([exception]);
    expect(realServerStatus.parse({ conditions: [{ ...programmed, colour: 'red' }] }).conditions).toEqual([programmed]);
  });

  it('has only known values of a condition', () => {
    expect(condition.safeParse({ ...programmed, status: 'Perhaps' }).success).toBe(false);
    expect(condition.safeParse({ ...programmed, observedGeneration: undefined }).success).toBe(true);
  });
});

describe('a Director', () => {
  const object = { apiVersion: 'lvs-director.io/v1alpha1', kind: 'Director' };

  it('is known by name, and may have no status yet', () => {
    expect(director.parse({ ...object, metadata: { name: 'node-1', labels: {} } })).toEqual({
      ...object,
      metadata: { name: 'node-1' },
    });
  });

  it('is read with its status', () => {
    const metadata = { name: 'node-1', uid: 'u', resourceVersion: '5' };
    expect(director.parse({ ...object, metadata, status: written })).toEqual({ ...object, metadata, status: written });
  });

  it.each([
    [256, true],
    [257, false],
  ])('has room for %i exceptions: %s', (length, room) => {
    const exceptions = Array.from({ length }, () => exception);
    expect(directorStatus.safeParse({ exceptions }).success).toBe(room);
  });
});

describe('what a writer writes', () => {
  it('is read back as it is', () => {
    const told: StatusCondition = {
      type: 'Programmed',
      status: 'Unknown',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-02T03:04:05Z',
      reason: 'Pending',
      message: 'Not yet.',
    };
    const refused: DirectorException = {
      kind: 'VirtualService',
      namespace: 'default',
      name: 'web',
      uid: '0b6a',
      condition: 'Programmed',
      reason: 'Conflict',
      message: 'IPVS has this service already.',
    };
    const ofService: VirtualServiceStatus = {
      addresses: ['192.0.2.1'],
      conditions: [told],
      backends: { total: 2, healthy: 1 },
      directors: { programmed: 0, total: 1 },
    };
    const ofServer: RealServerStatus = { conditions: [told] };
    const ofNode: DirectorStatus = {
      conditions: [told],
      observed: { virtualServices: '17' },
      vips: ['192.0.2.1'],
      exceptions: [refused],
      truncated: 3,
    };
    const whole: Director = {
      apiVersion: 'lvs-director.io/v1alpha1',
      kind: 'Director',
      metadata: { name: 'node-1' },
      status: ofNode,
    };
    expect(virtualServiceStatus.parse(ofService)).toEqual(ofService);
    expect(realServerStatus.parse(ofServer)).toEqual(ofServer);
    expect(director.parse(whole)).toEqual(whole);
  });
});
