/**
 * deploy/crds, made from the zod schemas of the kinds. Kubernetes takes structural schemas only, so whatever zod prints
 * that is none ends the generation.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { API_VERSION, GROUP } from '../../src/crd/group.ts';
import { API_KINDS, type ApiKind } from './kinds.ts';

export const CRD_FOLDER = 'deploy/crds';
const CATEGORY = 'lvs-director';

/** As much of a structural schema as we use, in the order in which it is printed. */
export interface StructuralSchema {
  readonly description?: string | undefined;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | undefined;
  readonly format?: 'int32' | 'int64' | 'date-time' | undefined;
  readonly default?: unknown;
  readonly enum?: readonly string[] | undefined;
  readonly anyOf?: readonly [{ readonly type: 'integer' }, { readonly type: 'string' }] | undefined;
  readonly 'x-kubernetes-int-or-string'?: true | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly pattern?: string | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly maxProperties?: number | undefined;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map' | undefined;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[] | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, StructuralSchema>> | undefined;
  readonly items?: StructuralSchema | undefined;
  readonly additionalProperties?: StructuralSchema | undefined;
  readonly 'x-kubernetes-validations'?: readonly Validation[] | undefined;
}

interface Validation {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression?: string | undefined;
  readonly fieldPath?: string | undefined;
}

const structural: z.ZodType<StructuralSchema> = z.strictObject({
  description: z.string().optional(),
  type: z.enum(['object', 'array', 'string', 'integer', 'boolean']).optional(),
  format: z.enum(['int32', 'int64', 'date-time']).optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  // The only union that a structural schema can have.
  anyOf: z
    .tuple([z.strictObject({ type: z.literal('integer') }), z.strictObject({ type: z.literal('string') })])
    .optional(),
  'x-kubernetes-int-or-string': z.literal(true).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  pattern: z.string().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  maxProperties: z.number().optional(),
  'x-kubernetes-list-type': z.enum(['atomic', 'set', 'map']).optional(),
  'x-kubernetes-list-map-keys': z.array(z.string()).optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), structural).optional();
  },
  get items() {
    return structural.optional();
  },
  get additionalProperties() {
    return structural.optional();
  },
  'x-kubernetes-validations': z
    .array(
      z.strictObject({
        rule: z.string(),
        message: z.string(),
        messageExpression: z.string().optional(),
        fieldPath: z.string().optional(),
      }),
    )
    .optional(),
});

/** The structural schema of a zod schema. Throws when there is none, and says where. */
export function toStructural(schema: z.ZodType): StructuralSchema {
  const printed = simplified(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
  const result = structural.safeParse(printed);
  if (!result.success) throw new Error(`not a structural schema: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** What zod prints, without what means nothing to Kubernetes. */
function simplified(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(simplified);
  if (!isRecord(node)) return node;
  const plain = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, simplifiedBelow(key, value)]));
  if (plain['additionalProperties'] === false) delete plain['additionalProperties'];
  if (plain['x-kubernetes-int-or-string'] === true) return intOrString(plain);
  return plain['type'] === 'integer' ? integer(plain) : plain;
}

function simplifiedBelow(key: string, value: unknown): unknown {
  if (key === 'properties' && isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, property]) => [name, simplified(property)]));
  }
  return key === 'items' || key === 'additionalProperties' || key === 'anyOf' ? simplified(value) : value;
}

/** Zod writes the limits of exact numbers where a schema has none. */
function integer(node: Record<string, unknown>): Record<string, unknown> {
  const { minimum, maximum, ...rest } = node;
  const low = typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER ? { minimum } : {};
  const high = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? { maximum } : {};
  const small = typeof maximum === 'number' && maximum < 2 ** 31;
  return { ...rest, ...low, ...high, format: small ? 'int32' : 'int64' };
}

/** Limits of a number hold for numbers only and those of a text for texts only, so both can stand beside each other. */
function intOrString(node: Record<string, unknown>): Record<string, unknown> {
  const { anyOf, ...rest } = node;
  const [number, text, ...more] = Array.isArray(anyOf) ? anyOf.filter(isRecord) : [];
  if (number?.['type'] !== 'integer' || text?.['type'] !== 'string' || more.length > 0) return node;
  const { type: _integer, format: _format, ...limits } = number;
  const { type: _string, ...lengths } = text;
  return { ...rest, ...limits, ...lengths, anyOf: [{ type: 'integer' }, { type: 'string' }] };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema of a whole object. The API server knows metadata better than we do. */
export function objectSchema({ schema, description }: ApiKind): StructuralSchema {
  const { properties, required = [], ...rest } = toStructural(schema);
  const needed = required.filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name));
  return {
    description,
    ...rest,
    ...(needed.length === 0 ? {} : { required: needed }),
    properties: {
      ...properties,
      apiVersion: { description: `Always ${API_VERSION}.`, type: 'string' },
      kind: { description: 'What the object is.', type: 'string' },
      metadata: { type: 'object' },
    },
  };
}

/** A CustomResourceDefinition as data. */
function customResourceDefinition(kind: ApiKind): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: [kind.shortName],
        categories: [CATEGORY],
      },
      versions: [
        {
          name: API_VERSION.slice(GROUP.length + 1),
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns.map(({ wide, ...column }) => ({
            ...column,
            ...(wide === true ? { priority: 1 } : {}),
          })),
          subresources: { status: {} },
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

const HEADER = '# Made from src/crd by `node_modules/.bin/node scripts/checks/generated.ts --write`. Do not edit it.';

/** All files of the folder that are made. */
export const crdFiles = (): { path: string; text: string }[] =>
  API_KINDS.map((kind) => ({
    path: `${CRD_FOLDER}/${kind.plural}.yaml`,
    text: `${HEADER}\n${stringify(customResourceDefinition(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`,
  }));
