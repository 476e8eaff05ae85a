/** deploy/crds: that Kubernetes can take it, that it teaches, and that it refuses what the zod schemas refuse. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { CRD_FOLDER, crdFiles, objectSchema, type StructuralSchema, toStructural } from '../../../scripts/lib/crds.ts';
import { API_KINDS } from '../../../scripts/lib/kinds.ts';
import { PROJECT } from '../../../scripts/lib/project.ts';
import { parseObject } from '../../../src/crd/parse.ts';
import { SCHEDULERS } from '../../../src/crd/virtualservice.ts';
import { virtualServiceObject } from '../../support/objects.ts';

interface Place {
  /** `spec.ports[].port`; the values of a map end with `{}`. */
  readonly path: string;
  readonly schema: StructuralSchema;
  /** A field with a name, not an item of a list or a value of a map. */
  readonly field: boolean;
}

function places(schema: StructuralSchema, path: string, field: boolean): Place[] {
  const { properties = {}, items, additionalProperties } = schema;
  const name = (key: string): string => (path === '' ? key : `${path}.${key}`);
  return [
    { path, schema, field },
    ...Object.entries(properties).flatMap(([key, property]) => places(property, name(key), true)),
    ...(items === undefined ? [] : places(items, `${path}[]`, false)),
    ...(additionalProperties === undefined ? [] : places(additionalProperties, `${path}{}`, false)),
  ];
}

const KINDS = API_KINDS.map((kind) => ({ kind: kind.kind, all: places(objectSchema(kind), '', true) }));
const placesOf = (kind: string): readonly Place[] => KINDS.find((each) => each.kind === kind)?.all ?? [];
const at = (kind: string, path: string): StructuralSchema | undefined =>
  placesOf(kind).find((place) => place.path === path)?.schema;
const everywhere = KINDS.flatMap(({ kind, all }) =>
  all.map(({ path, schema, field }) => ({ where: `${kind} ${path}`, schema, field })),
);

const wherever = (wrong: (place: { schema: StructuralSchema; field: boolean; where: string }) => boolean): string[] =>
  everywhere.filter(wrong).map(({ where }) => where);

describe('every schema', () => {
  it('says what each field is for', () => {
    const silent = wherever(({ schema, field, where }) => field && !where.endsWith(' metadata') && !schema.description);
    expect(silent).toEqual([]);
  });

  it('has one type for each place, or is a number or a text', () => {
    const untyped = wherever(({ schema }) => (schema.type === undefined) !== (schema.anyOf !== undefined));
    expect(untyped).toEqual([]);
    expect(wherever(({ schema }) => schema['x-kubernetes-int-or-string'] === true)).toEqual([
      'VirtualService spec.ports[].targetPort',
    ]);
  });

  it('bounds what rules cost: lists, maps and texts', () => {
    const ours = (where: string): boolean => !/ (apiVersion|kind)$/.test(where);
    expect(wherever(({ schema }) => schema.type === 'array' && schema.maxItems === undefined)).toEqual([]);
    expect(wherever(({ schema }) => schema.additionalProperties !== undefined && !schema.maxProperties)).toEqual([]);
    const long = wherever(
      ({ schema, where }) => ours(where) && schema.type === 'string' && !schema.enum && !schema.maxLength,
    );
    expect(long).toEqual([]);
  });

  it('bounds numbers, or says that they have 64 bits', () => {
    expect(wherever(({ schema }) => schema.type === 'integer' && schema.format === undefined)).toEqual([]);
    expect(wherever(({ schema }) => Math.abs(schema.maximum ?? 0) > 2 ** 31 - 1)).toEqual([]);
  });

  it('says how each list is merged', () => {
    const lists = wherever(({ schema }) => schema.type === 'array' && schema['x-kubernetes-list-type'] === undefined);
    expect(lists).toEqual([]);
  });

  it('has keys of lists that are there or have a default', () => {
    for (const { schema, where } of everywhere) {
      for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
        const needed = schema.items?.required?.includes(key) ?? false;
        expect([where, key, needed || schema.items?.properties?.[key]?.default !== undefined]).toEqual([
          where,
          key,
          true,
        ]);
      }
    }
  });
});

describe('a VirtualService', () => {
  it('teaches each scheduler', () => {
    const text = at('VirtualService', 'spec.scheduler')?.description ?? '';
    for (const scheduler of SCHEDULERS) expect(text).toMatch(new RegExp(`^${scheduler}: .{20,}\\.$`, 'm'));
  });

  it('has the defaults of the zod schema', () => {
    const defaults = placesOf('VirtualService')
      .filter(({ path, schema }) => path.startsWith('spec') && schema.default !== undefined)
      .map(({ path, schema }) => [path, schema.default]);
    expect(defaults).toEqual([
      ['spec.ports[].protocol', 'TCP'],
      ['spec.scheduler', 'wlc'],
      ['spec.masquerade', 'Always'],
      ['spec.directors', { nodeSelector: {} }],
      ['spec.directors.nodeSelector', {}],
      ['spec.announce', 'L2'],
    ]);
  });

  it('limits a target port as a number and as a text', () => {
    expect(at('VirtualService', 'spec.ports[].targetPort')).toMatchObject({
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      minimum: 1,
      maximum: 65_535,
      maxLength: 63,
      pattern: expect.stringContaining('a-z'),
    });
  });

  it('has ports by number and protocol, and addresses once', () => {
    expect(at('VirtualService', 'spec.ports')?.['x-kubernetes-list-map-keys']).toEqual(['port', 'protocol']);
    expect(at('VirtualService', 'spec.addresses')?.['x-kubernetes-list-type']).toBe('set');
  });
});

/** Each check of zod that no structural schema can say: where a rule says it, and a part of both messages. */
const RULES: readonly (readonly [string, object, string])[] = [
  ['spec.addresses[]', { addresses: ['vip'] }, 'is no IP address'],
  ['spec.addresses[]', { addresses: ['0.1.2.3'] }, 'an address of "this network"'],
  ['spec.addresses[]', { addresses: ['127.0.0.1'] }, 'a loopback address'],
  ['spec.addresses[]', { addresses: ['224.0.0.1'] }, 'a multicast address'],
  ['spec.addresses[]', { addresses: ['240.0.0.1'] }, 'a reserved or broadcast address'],
  ['spec.addresses[]', { addresses: ['::'] }, 'the unspecified address'],
  ['spec.addresses[]', { addresses: ['::1'] }, 'the loopback address'],
  ['spec.addresses[]', { addresses: ['fe80::1'] }, 'a link-local address'],
  ['spec.addresses[]', { addresses: ['ff02::1'] }, 'and cannot be served or reached'],
  ['spec.addresses', { addresses: ['2001:DB8::1', '2001:db8::1'] }, 'stands in the list twice'],
  ['spec.backends[]', { backends: [{}] }, 'names no back end: write realServers or service'],
  [
    'spec.backends[]',
    { backends: [{ realServers: { matchLabels: { a: 'b' } }, service: { name: 'web' } }] },
    'names realServers and service: write one of them, and the other one as another back end',
  ],
  [
    'spec.backends[]',
    { backends: [{ realServers: { matchLabels: { a: 'b' } }, endpointWeight: 1 }] },
    'goes with service only: each RealServer has a weight of its own',
  ],
  [
    'spec.backends[].realServers.matchLabels',
    { backends: [{ realServers: { matchLabels: {} } }] },
    'is empty: a selector that matches every RealServer is refused, name at least one label',
  ],
  [
    'spec',
    { ports: [{ port: 80, targetPort: 'http' }] },
    'is the name of a port of an EndpointSlice, and RealServers have none: write a number',
  ],
];

describe('rules', () => {
  const rulesAt = (kind: string, path: string) => at(kind, path)?.['x-kubernetes-validations'] ?? [];

  it.each(RULES)('of %s say what zod says of %j', (path, spec, words) => {
    const parsed = parseObject(virtualServiceObject(spec));
    const messages = parsed.status === 'invalid' ? parsed.findings.map((found) => found.problem.message) : [];
    expect(messages).toEqual([expect.stringContaining(words)]);
    const texts = rulesAt('VirtualService', path).map((rule) => `${rule.message} ${rule.messageExpression ?? ''}`);
    expect(texts.filter((text) => text.includes(words))).toHaveLength(1);
  });

  it('stand nowhere else', () => {
    const ruled = wherever(({ schema }) => schema['x-kubernetes-validations'] !== undefined);
    const known = new Set(RULES.map(([path]) => `VirtualService ${path}`));
    expect(new Set(ruled)).toEqual(new Set([...known, 'RealServer spec.address']));
    expect(rulesAt('RealServer', 'spec.address')).toEqual(rulesAt('VirtualService', 'spec.addresses[]'));
  });

  it('name fields that are there', () => {
    const lost = wherever(({ schema: { properties = {}, 'x-kubernetes-validations': list = [] } }) =>
      list.some(({ fieldPath }) => fieldPath !== undefined && !Object.hasOwn(properties, fieldPath.slice(1))),
    );
    expect(lost).toEqual([]);
  });
});

describe('a definition', () => {
  const definitions = crdFiles().map(({ path, text }) => ({ path, text, data: parse(text) as never }));

  it.each([
    ['virtualservices', 'Namespaced', 'lvs', ['Addresses', 'Scheduler', 'Backends', 'Directors', 'Programmed', 'Age']],
    ['realservers', 'Namespaced', 'lrs', ['Address', 'Port', 'Weight', 'Programmed', 'Age']],
    ['directors', 'Cluster', 'lvsd', ['Kernel ready', 'Synced', 'Services', 'Version', 'Age']],
  ])('of %s has scope, names and columns', (plural, scope, shortName, names) => {
    const found = definitions.find(({ path }) => path === `${CRD_FOLDER}/${plural}.yaml`);
    expect(found?.data).toMatchObject({
      metadata: { name: `${plural}.lvs-director.io` },
      spec: {
        group: 'lvs-director.io',
        scope,
        names: { plural, shortNames: [shortName], categories: ['lvs-director'] },
        versions: [{ name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } }],
      },
    });
    const shown = API_KINDS.find((kind) => kind.plural === plural)?.columns.filter((column) => column.wide !== true);
    expect(shown?.map((column) => column.name)).toEqual(names);
  });

  const columns = API_KINDS.flatMap((kind) => kind.columns.map((column) => ({ kind: kind.kind, ...column })));

  it.each(columns)('$kind: the column $name shows a field that is there', ({ kind, jsonPath }) => {
    const path = jsonPath.slice(1).replace(/\[\?.*?\]/, '[]');
    expect(path === 'metadata.creationTimestamp' || at(kind, path) !== undefined).toBe(true);
    const type = /@\.type=="(\w+)"/.exec(jsonPath)?.[1] ?? null;
    const conditions = at(kind, 'status.conditions')?.description ?? '';
    expect(type === null || conditions.includes(`\n${type}: `)).toBe(true);
  });

  it.each(definitions)(
    '$path is what stands in the repository, and says where it comes from',
    async ({ path, text }) => {
      expect(await readFile(join(PROJECT, path), 'utf8')).toBe(text);
      expect(text).toMatch(/^# Made from src\/crd by /);
      expect(text).not.toMatch(/\$ref|oneOf|allOf/);
    },
  );

  it('is listed in the kustomization', async () => {
    const text = await readFile(join(PROJECT, CRD_FOLDER, 'kustomization.yaml'), 'utf8');
    const { resources } = z.object({ resources: z.array(z.string()) }).parse(parse(text));
    expect(resources.map((name) => `${CRD_FOLDER}/${name}`)).toEqual(definitions.map(({ path }) => path));
  });
});

describe('a schema that is not structural ends the generation', () => {
  it.each([
    ['a union', z.strictObject({ a: z.union([z.string(), z.boolean()]) }), '→ at properties.a'],
    [
      'a union of three',
      z.strictObject({ a: z.union([z.int(), z.string(), z.boolean()]).meta({ 'x-kubernetes-int-or-string': true }) }),
      'properties.a',
    ],
    [
      'one of several objects',
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]),
      'oneOf',
    ],
    ['a reference', z.strictObject({ a: z.string().meta({ id: 'a' }) }), 'properties.a'],
    ['a tuple', z.strictObject({ a: z.tuple([z.string(), z.int()]) }), 'properties.a'],
    ['a number with a fraction', z.strictObject({ a: z.number() }), 'properties.a'],
    [
      'an unknown keyword',
      z.strictObject({ a: z.string().meta({ 'x-kubernetes-wrong': true }) }),
      'x-kubernetes-wrong',
    ],
  ])('%s', (_, schema, words) => {
    expect(() => toStructural(schema)).toThrow('not a structural schema');
    expect(() => toStructural(schema)).toThrow(words);
  });

  it('but one that can be made so does not', () => {
    expect(toStructural(z.strictObject({ a: z.int(), b: z.int().max(9), c: z.array(z.strictObject({})) }))).toEqual({
      type: 'object',
      required: ['a', 'b', 'c'],
      properties: {
        a: { type: 'integer', format: 'int64' },
        b: { type: 'integer', maximum: 9, format: 'int32' },
        c: { type: 'array', items: { type: 'object', properties: {} } },
      },
    });
  });
});
