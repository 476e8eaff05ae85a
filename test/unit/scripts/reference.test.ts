/** docs/reference.md: what is read from the source, how it is written down, and that a change of it is noticed. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findStale } from '../../../scripts/checks/generated.ts';
import {
  fieldsOf,
  readReferenceInput,
  type ReferenceInput,
  renderReference,
  toJsonSchema,
  typeText,
} from '../../../scripts/lib/reference.ts';
import { STEP_KINDS } from '../../../src/controller/steps.ts';
import { unicastAddress } from '../../../src/crd/fields.ts';
import { REASONS } from '../../../src/crd/reasons.ts';
import { SETTINGS } from '../../../src/host/sysctl.ts';

const input = await readReferenceInput();

describe('the reference of the source', () => {
  const text = renderReference(input);

  it.each([...Object.keys(REASONS), ...STEP_KINDS, ...SETTINGS.map((setting) => setting.name)])('has %s', (name) => {
    expect(text).toContain(`| \`${name}\` |`);
  });

  it('has fields with type, range, default and meaning', () => {
    expect(text).toContain(
      '| `spec.weight` | whole number, 0 to 65535 | `1` | Share of new connections. 0 takes none and keeps those it has. |',
    );
    expect(text).toContain(
      '| `spec.ports[].port` | whole number, 1 to 65535 | required | Port that clients ask for. |',
    );
    expect(text).toContain('| `spec.addresses` | list of 1 to 16 | required | Virtual addresses');
    expect(text).toContain('| `spec.address` | IP address | required |');
    expect(text).toContain('| `spec.ports[].targetPort` | whole number, 1 to 65535, or text like `');
    expect(text).toContain('| `spec.backends[].service.name` | DNS name, at most 63 characters | required |');
    expect(text).toContain('| `spec.directors` | object | `{"nodeSelector":{}}` |');
    expect(text).toContain('| `spec.directors.nodeSelector` | map of text to text, at most 32 entries | empty |');
    expect(text).toMatch(/\| `spec\.masquerade` \| `Always`, `Never` \| `Always` \|/);
  });

  it('has the status of every kind', () => {
    expect(text.match(/`status\.conditions\[\]\.lastTransitionTime` \| time \(RFC 3339\) \| required/g)).toHaveLength(
      3,
    );
    expect(text).toContain('| `status.exceptions[].reason` |');
    expect(text).toContain('| `status.directors.programmed` | whole number, at least 0 | required |');
  });

  it('has each scheduler on a line of its own within the row', () => {
    expect(text).toMatch(/<br>wrr: weighted round robin: .*<br>lc: /);
  });

  it('has the settings of interfaces', () => {
    expect(text).toContain('| `net.ipv4.conf.INTERFACE.send_redirects` | `0` | advice | IPv4 |');
    expect(text).toContain('| `net.ipv6.conf.INTERFACE.accept_ra` | `2` | advice | IPv6 |');
  });

  it.each([0, 1, 2, 3])('has exit code %i', (exit) => {
    expect(text).toMatch(new RegExp(`^\\| ${exit} \\|`, 'm'));
  });
});

describe('a change of the input', () => {
  const same = renderReference(input);
  const director = input.kinds['Director'] ?? { description: '', schema: {} };
  const changes: Readonly<Record<string, Partial<ReferenceInput>>> = {
    'a field': {
      kinds: {
        ...input.kinds,
        RealServer: { description: '', schema: toJsonSchema(z.strictObject({ spec: z.string() })) },
      },
    },
    'a description': { kinds: { ...input.kinds, Director: { ...director, description: 'Another one.' } } },
    'a reason': { reasons: { ...input.reasons, Tired: 'The machine is tired.' } },
    'a kind of step': { steps: input.steps.slice(1) },
    'a setting': { settings: input.settings.map((setting) => ({ ...setting, value: '7' })) },
    'an exit code': { exitCodes: [...input.exitCodes, { code: 4, meaning: 'New.' }] },
    'a rule of the table': { table: `${input.table}\n` },
    'a condition': { conditions: [...input.conditions, 'Happy'] },
  };

  it.each(Object.entries(changes))('is noticed: %s', async (_, change) => {
    const file = { path: 'docs/reference.md', text: renderReference({ ...input, ...change }) };
    expect(await findStale([file], () => Promise.resolve(same))).toEqual(['docs/reference.md']);
  });

  it('is not seen where there is none', async () => {
    expect(await findStale([{ path: 'a.md', text: same }], () => Promise.resolve(same))).toEqual([]);
  });

  it('counts a missing file', async () => {
    expect(await findStale([{ path: 'a.md', text: same }], () => Promise.resolve(null))).toEqual(['a.md']);
  });
});

describe('fields of a schema', () => {
  it('have paths through objects and lists, and say what is required', () => {
    const schema = toJsonSchema(
      z.strictObject({ a: z.strictObject({ b: z.array(z.strictObject({ c: z.int() })) }), d: z.string().optional() }),
    );
    expect(fieldsOf(schema).map(({ path, required }) => [path, required])).toEqual([
      ['a', true],
      ['a.b', true],
      ['a.b[].c', true],
      ['d', false],
    ]);
  });

  it.each([
    [z.int(), 'whole number'],
    [z.int().min(1), 'whole number, at least 1'],
    [z.int().max(9), 'whole number, at most 9'],
    [z.literal('x'), '`x`'],
    [z.array(z.string()).min(1).max(3), 'list of 1 to 3'],
    [z.array(z.string()).min(2), 'list of at least 2'],
    [z.array(z.string()), 'list of any length'],
    [z.string().max(9), 'text, at most 9 characters'],
    [z.string().regex(/^a$/), 'text like `^a$`'],
    [z.record(z.string(), z.string()), 'map of text to text'],
    [z.record(z.string(), z.string()).meta({ maxProperties: 2 }), 'map of text to text, at most 2 entries'],
    [z.union([z.int().min(1), z.string().max(9)]), 'whole number, at least 1, or text, at most 9 characters'],
    [z.int().min(0).max(2_147_483_647), 'whole number, at least 0'],
    [z.string().meta({ format: 'date-time' }), 'time (RFC 3339)'],
    [unicastAddress, 'IP address'],
    [z.unknown(), 'anything'],
  ])('%# is "%s"', (schema, expected) => {
    expect(typeText(toJsonSchema(schema))).toBe(expected);
  });
});

it('a line break in a cell does not end it', () => {
  const steps = [{ kind: 'netfilter delete-table', words: "nft 'a\nb'" }];
  expect(renderReference({ ...input, steps })).toContain("| `netfilter delete-table` | `nft 'a; b'` |");
  expect(renderReference({ ...input, reasons: { Either: 'this\nthat' } })).toContain('| `Either` | this<br>that |');
});

it('a bar in a cell does not end it', () => {
  expect(renderReference({ ...input, reasons: { Either: 'this|that' } })).toContain('| `Either` | this\\|that |');
});
