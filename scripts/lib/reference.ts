/** docs/reference.md, made from what the source exports. Rendering is pure; only `readReferenceInput` looks at the source. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { EXIT } from '../../src/cli/exit.ts';
import { CONDITION_TYPES } from '../../src/controller/status.ts';
import { STEP_KINDS, type Step, type StepKind, stepWords } from '../../src/controller/steps.ts';
import { dnsLabel, dnsSubdomain, unicastAddress } from '../../src/crd/fields.ts';
import { API_VERSION } from '../../src/crd/group.ts';
import { REASONS } from '../../src/crd/reasons.ts';
import { tableText } from '../../src/host/netfilter/ruleset.ts';
import { acceptRaSettings, SETTINGS, sysctlPath, type SysctlSetting, wantedSettings } from '../../src/host/sysctl.ts';
import type { Service } from '../../src/ipvs/types.ts';
import { API_KINDS } from './kinds.ts';

export const REFERENCE_FILE = 'docs/reference.md';

export interface ReferenceInput {
  readonly apiVersion: string;
  /** What each kind is, and its JSON schema, as an object is written. */
  readonly kinds: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
  readonly conditions: readonly string[];
  readonly reasons: Readonly<Record<string, string>>;
  /** Each kind of step with an example in the words of `plan`. */
  readonly steps: readonly { readonly kind: string; readonly words: string }[];
  readonly settings: readonly SysctlSetting[];
  readonly exitCodes: readonly { readonly code: number; readonly meaning: string }[];
  /** The nftables table, as nft reads it. */
  readonly table: string;
}

type Scalar = string | number | boolean | null;

/** As much of JSON schema as zod makes of our schemas. */
export interface JsonSchema {
  readonly type?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly const?: Scalar | undefined;
  readonly enum?: readonly Scalar[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly maxProperties?: number | undefined;
  readonly format?: string | undefined;
  readonly pattern?: string | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly items?: JsonSchema | undefined;
  readonly additionalProperties?: JsonSchema | boolean | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly 'x-kubernetes-validations'?: unknown;
}

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** The border to what zod prints: unknown keywords are dropped, known ones have the right type. */
const jsonSchema: z.ZodType<JsonSchema> = z.object({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  const: scalar.optional(),
  enum: z.array(scalar).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  maxLength: z.number().optional(),
  maxProperties: z.number().optional(),
  format: z.string().optional(),
  pattern: z.string().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), jsonSchema).optional();
  },
  get items() {
    return jsonSchema.optional();
  },
  get additionalProperties() {
    return z.union([z.boolean(), jsonSchema]).optional();
  },
  get anyOf() {
    return z.array(jsonSchema).optional();
  },
  'x-kubernetes-validations': z.unknown().optional(),
});

export const toJsonSchema = (schema: z.ZodType): JsonSchema =>
  jsonSchema.parse(z.toJSONSchema(schema, { io: 'input' }));

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Done. For `plan`: there is nothing to do.',
  failed: 'Not done; standard error says why.',
  pending: '`plan` only: there is something to do.',
  usage: 'The command line or a setting is wrong.',
};

/** What the source says now. */
export async function readReferenceInput(): Promise<ReferenceInput> {
  return {
    apiVersion: API_VERSION,
    kinds: Object.fromEntries(
      API_KINDS.map(({ kind, description, schema }) => [kind, { description, schema: toJsonSchema(schema) }]),
    ),
    conditions: CONDITION_TYPES,
    reasons: REASONS,
    steps: STEP_KINDS.map((kind) => ({ kind, words: exampleWords(kind) })),
    settings: await allSettings(),
    exitCodes: Object.entries(EXIT_MEANINGS).map(([name, meaning]) => ({
      code: EXIT[name as keyof typeof EXIT],
      meaning,
    })),
    table: tableText(),
  };
}

/** The settings of a made-up machine with one interface, so that those of interfaces are among them. */
async function allSettings(): Promise<SysctlSetting[]> {
  const root = await mkdtemp(join(tmpdir(), 'lvs-director-reference-'));
  const put = async (name: string, value: string): Promise<void> => {
    const path = sysctlPath(name, root);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, value);
  };
  try {
    await put('net.ipv4.conf.INTERFACE.send_redirects', '1');
    await put('net.ipv6.conf.INTERFACE.accept_ra', '1');
    await put('net.ipv6.conf.all.forwarding', '0');
    const wanted = await wantedSettings(root);
    return [...SETTINGS, ...wanted.slice(SETTINGS.length), ...(await acceptRaSettings(root))];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const EXAMPLE_SERVICE: Service = {
  key: { family: 'ipv4', protocol: 'TCP', address: '192.0.2.1', port: 80 },
  config: { scheduler: 'wrr', flags: 0, persistenceSeconds: 0, persistencePrefixLength: 32, persistenceEngine: null },
};
const EXAMPLE_DESTINATION = {
  key: { family: 'ipv4', address: '192.0.2.10', port: 8080 },
  config: { forwarding: 'NAT', weight: 1, upperThreshold: 0, lowerThreshold: 0, tunnel: null },
} as const;
const EXAMPLE_ADDRESS = { device: 'dummy-lvs', family: 'ipv4', address: '192.0.2.1' } as const;
const EXAMPLE_ELEMENT = { set: 'svc4', element: '192.0.2.1 . tcp . 80' } as const;

function exampleWords(kind: StepKind): string {
  return kind === 'netfilter create-table' ? 'the whole table, see below' : stepWords(example(kind));
}

function example(kind: StepKind): Step {
  const base = { owner: null, service: null, removes: false };
  const service = EXAMPLE_SERVICE.key;
  switch (kind) {
    case 'link create-dummy':
      return { ...base, layer: 'link', change: { verb: 'create-dummy', name: 'dummy-lvs', alias: 'lvs-director' } };
    case 'link set-up':
      return { ...base, layer: 'link', change: { verb: 'set-up', name: 'dummy-lvs' } };
    case 'link delete-link':
      return { ...base, layer: 'link', change: { verb: 'delete-link', name: 'dummy-lvs' } };
    case 'link add-address':
      return { ...base, layer: 'link', change: { verb: 'add-address', ...EXAMPLE_ADDRESS } };
    case 'link delete-address':
      return { ...base, layer: 'link', change: { verb: 'delete-address', ...EXAMPLE_ADDRESS } };
    case 'netfilter create-table':
      return { ...base, layer: 'netfilter', change: { verb: 'create-table' } };
    case 'netfilter add-element':
      return { ...base, layer: 'netfilter', change: { verb: 'add-element', ...EXAMPLE_ELEMENT, comment: '' } };
    case 'netfilter delete-element':
      return { ...base, layer: 'netfilter', change: { verb: 'delete-element', ...EXAMPLE_ELEMENT } };
    case 'netfilter delete-table':
      return { ...base, layer: 'netfilter', change: { verb: 'delete-table' } };
    case 'ipvs new-service':
      return { ...base, layer: 'ipvs', change: { verb: 'new-service', service: EXAMPLE_SERVICE } };
    case 'ipvs set-service':
      return { ...base, layer: 'ipvs', change: { verb: 'set-service', service: EXAMPLE_SERVICE } };
    case 'ipvs delete-service':
      return { ...base, layer: 'ipvs', change: { verb: 'delete-service', key: service } };
    case 'ipvs new-destination':
      return { ...base, layer: 'ipvs', change: { verb: 'new-destination', service, destination: EXAMPLE_DESTINATION } };
    case 'ipvs set-destination':
      return { ...base, layer: 'ipvs', change: { verb: 'set-destination', service, destination: EXAMPLE_DESTINATION } };
    case 'ipvs delete-destination':
      return { ...base, layer: 'ipvs', change: { verb: 'delete-destination', service, key: EXAMPLE_DESTINATION.key } };
    case 'sysctl set': {
      const [setting] = SETTINGS;
      if (setting === undefined) throw new Error('there are no kernel settings');
      return { ...base, layer: 'sysctl', change: setting };
    }
  }
}

export interface Field {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Every field of a schema with its path, parents before children: `spec.ports[].port`. */
export function fieldsOf(schema: JsonSchema, path = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]): Field[] => {
    const here = path === '' ? name : `${path}.${name}`;
    const required = schema.required?.includes(name) ?? false;
    const below = property.items === undefined ? fieldsOf(property, here) : fieldsOf(property.items, `${here}[]`);
    return [{ path: here, schema: property, required }, ...below];
  });
}

/** The file's whole text. */
export function renderReference(input: ReferenceInput): string {
  const sections = [
    '# Reference',
    'This page is made from the source by `node_modules/.bin/node scripts/checks/generated.ts --write`. Do not edit it.',
    '## Objects',
    `All objects have \`apiVersion: ${input.apiVersion}\`. A field that is not listed is refused. \`status\` is written by directors; what a file says there is ignored.`,
    ...Object.entries(input.kinds).flatMap(([kind, { description, schema }]) => [
      `### ${kind}`,
      description,
      fieldTable(schema),
    ]),
    '## Conditions',
    `Each VirtualService has these conditions: ${input.conditions.map(code).join(', ')}. Each is \`True\`, \`False\` or \`Unknown\`, and has a reason and a message.`,
    '## Reasons',
    'Programs may compare them: a reason is never renamed. What to do about each: [Troubleshooting](troubleshooting.md).',
    table(
      ['Reason', 'Meaning'],
      Object.entries(input.reasons).map(([reason, meaning]) => [code(reason), meaning]),
    ),
    '## Kinds of steps',
    'The field `kind` of `plan -o json` and the field `step` of the log. The words are those of an example.',
    table(
      ['Kind', 'In words'],
      input.steps.map(({ kind, words }) => [code(kind), kind === 'netfilter create-table' ? words : code(words)]),
    ),
    '## Kernel settings',
    'More about them: [Kernel settings](kernel-settings.md). `INTERFACE` stands for each interface of the machine.',
    table(
      ['Setting', 'Value', 'Needed', 'For', 'Why'],
      input.settings.map((setting) => [
        code(setting.name),
        code(setting.value),
        setting.required ? 'required' : 'advice',
        setting.family === null ? 'IPv4 and IPv6' : { ipv4: 'IPv4', ipv6: 'IPv6' }[setting.family],
        setting.why,
      ]),
    ),
    '## Exit codes',
    table(
      ['Code', 'Meaning'],
      input.exitCodes.map((exit) => [String(exit.code), exit.meaning]),
    ),
    '## The nftables table',
    'As it is made, without elements. The number of rules does not depend on the number of services.',
    `\`\`\`text\n${input.table}\n\`\`\``,
  ];
  return `${sections.join('\n\n')}\n`;
}

function fieldTable(schema: JsonSchema): string {
  const rows = fieldsOf(schema).map(({ path, schema: field, required }) => [
    code(path),
    typeText(field),
    required ? 'required' : defaultText(field),
    field.description ?? '',
  ]);
  return table(['Field', 'Value', 'Default', 'Meaning'], rows);
}

const DNS_NAMES = [dnsSubdomain, dnsLabel].map((name) => toJsonSchema(name('a name')).pattern);
const ADDRESS_RULES = JSON.stringify(toJsonSchema(unicastAddress)['x-kubernetes-validations']);

/** What values a field takes, in words. */
export function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(', or ');
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ');
  switch (schema.type) {
    case 'integer':
      return `whole number${rangeText(schema.minimum, schema.maximum)}`;
    case 'string': {
      const length = schema.maxLength === undefined ? '' : `, at most ${schema.maxLength} characters`;
      if (JSON.stringify(schema['x-kubernetes-validations']) === ADDRESS_RULES) return 'IP address';
      if (schema.format === 'date-time') return 'time (RFC 3339)';
      if (schema.pattern !== undefined && DNS_NAMES.includes(schema.pattern)) return `DNS name${length}`;
      return `${schema.pattern === undefined ? 'text' : `text like ${code(schema.pattern)}`}${length}`;
    }
    case 'array':
      return `list of ${countText(schema.minItems, schema.maxItems)}`;
    case 'object':
      return schema.properties === undefined ? mapText(schema) : 'object';
    case undefined:
    default:
      return 'anything';
  }
}

const mapText = ({ maxProperties }: JsonSchema): string =>
  `map of text to text${maxProperties === undefined ? '' : `, at most ${maxProperties} entries`}`;

/** Where a schema has no upper limit, zod writes that of exact numbers, and our own counts that of 32 bits. */
function rangeText(minimum: number | undefined, maximum: number | undefined): string {
  const low = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? null : minimum;
  const high = maximum === undefined || maximum >= 2 ** 31 - 1 ? null : maximum;
  if (low !== null && high !== null) return `, ${low} to ${high}`;
  if (low !== null) return `, at least ${low}`;
  return high === null ? '' : `, at most ${high}`;
}

function countText(least: number | undefined, most: number | undefined): string {
  if (most === undefined) return least === undefined ? 'any length' : `at least ${least}`;
  return `${least ?? 0} to ${most}`;
}

function defaultText({ default: value }: JsonSchema): string {
  if (value === undefined) return '';
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
    ? 'empty'
    : code(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A line break would end a row of a table; commands of nft and of a shell can be parted by `;` as well. */
const code = (text: string): string => `\`${text.replaceAll('\n', '; ')}\``;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell.replaceAll('|', '\\|').replaceAll('\n', '<br>')} `)).join('|')}|`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
