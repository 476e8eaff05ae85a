/** Words of refusals that a person needs to correct an object: where, what, and how it is right. */
import { describe, expect, it } from 'vitest';
import { parseObject } from '../../../src/crd/parse.ts';
import { problemText } from '../../../src/crd/problem.ts';
import { realServerObject, virtualServiceObject } from '../../support/objects.ts';

const API = 'lvs-director.io/v1alpha1';
const web = virtualServiceObject({});

/** `PATH | TEXT` of each finding. */
const refusals = (object: unknown): string[] => {
  const parsed = parseObject(object);
  if (parsed.status !== 'invalid') return [parsed.status];
  return parsed.findings.map(({ path, problem }) => `${path.join('/')} | ${problemText(problem)}`);
};
const label = (value: unknown) => ({ ...web, metadata: { name: 'web', labels: value } });

describe('a refusal', () => {
  it.each<[string, unknown, string]>([
    ['text', 'x', " | 'x' is no object (Invalid). Write apiVersion, kind, metadata and spec."],
    ['a list', [], ' | [] is no object (Invalid). Write apiVersion, kind, metadata and spec.'],
    [
      'no apiVersion',
      { kind: 'RealServer' },
      `apiVersion | apiVersion: is missing (Invalid). Write apiVersion: ${API}.`,
    ],
    [
      'a number as apiVersion',
      { apiVersion: 1, kind: 'RealServer' },
      `apiVersion | apiVersion: 1 is no apiVersion (Invalid). Write apiVersion: ${API}.`,
    ],
    [
      'no kind',
      { apiVersion: API },
      'kind | kind: is missing (Invalid). Write kind: VirtualService or kind: RealServer.',
    ],
    [
      'an unknown kind',
      { apiVersion: API, kind: 'Service' },
      `kind | kind: there is no Service in ${API} (UnknownKind). ${API} has VirtualService and RealServer.`,
    ],
    [
      'an unknown version',
      { apiVersion: 'lvs-director.io/v2', kind: 'RealServer' },
      `apiVersion | apiVersion: there is no RealServer in lvs-director.io/v2 (UnknownKind). ${API} has VirtualService and RealServer.`,
    ],
    [
      'no metadata',
      { ...web, metadata: undefined },
      'metadata | metadata: is missing: expected metadata with a name (Invalid). Correct the field.',
    ],
    [
      'an unknown field of metadata',
      { ...web, metadata: { name: 'web', colour: 'red' } },
      'metadata/colour | VirtualService default/web: metadata.colour: there is no such field (Invalid). Remove it, or correct its spelling.',
    ],
    [
      'a name that is none',
      { ...web, metadata: { name: 'Web' } },
      "metadata/name | VirtualService default/Web: metadata.name: 'Web' is no name: use lower case letters, digits, '-' and '.' (Invalid). Correct the field.",
    ],
    [
      'a number as name',
      { ...web, metadata: { name: 5 } },
      'metadata/name | metadata.name: 5 is not right: expected metadata.name: a name (Invalid). Correct the field.',
    ],
    [
      'text as labels',
      label('x'),
      "metadata/labels | VirtualService default/web: metadata.labels: 'x' is not right: expected labels: a map (Invalid). Correct the field.",
    ],
    [
      'a number as label',
      label({ a: 1 }),
      'metadata/labels/a | VirtualService default/web: metadata.labels.a: 1 is not right: expected labels: texts, so quote numbers and booleans (Invalid). Correct the field.',
    ],
    [
      'text as ports',
      virtualServiceObject({ ports: 'x' }),
      "spec/ports | VirtualService default/web: spec.ports: 'x' is not right: expected a list of ports (Invalid). Correct the field.",
    ],
    [
      'a number as address',
      realServerObject('rs', { address: 5 }),
      'spec/address | RealServer default/rs: spec.address: 5 is not right: expected an IPv4 or IPv6 address (Invalid). Correct the field.',
    ],
    [
      'a text that is 59 characters long, whole',
      realServerObject('rs', { address: 'x'.repeat(58) }),
      `spec/address | RealServer default/rs: spec.address: '${'x'.repeat(58)}' is no IP address (Invalid). Correct the field.`,
    ],
    [
      'a longer one, short',
      realServerObject('rs', { address: 'x'.repeat(59) }),
      `spec/address | RealServer default/rs: spec.address: '${'x'.repeat(56)}... is no IP address (Invalid). Correct the field.`,
    ],
    [
      'a port twice',
      virtualServiceObject({ ports: [{ port: 1 }, { port: 1 }] }),
      'spec/ports/1/port | VirtualService default/web: spec.ports[1].port: TCP 1 stands in the list twice (Invalid). Correct the field.',
    ],
  ])('says what is wrong with %s', (_what, object, expected) => {
    expect(refusals(object)).toEqual([expected]);
  });

  it.each(['2001:db8::ff02', '2001:ff02::1', '2001:db8::fe80', 'fec0::1', 'fe00::1'])(
    'is not given to %s',
    (address) => {
      expect(refusals(realServerObject('rs', { address }))).toEqual(['valid']);
    },
  );
});
