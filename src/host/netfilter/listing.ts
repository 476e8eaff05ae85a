/**
 * `nft -j list table` to our tables as data. The JSON is a border: it is checked, and what is not ours to know is
 * skipped.
 */
import { z } from 'zod';
import {
  ARP_TABLE,
  hookText,
  type SetName,
  SET_NAMES,
  TABLE,
  tableOf,
  type TableShape,
  WANTED_SHAPES,
} from './ruleset.ts';
import type { NftResult } from './result.ts';
import { emptyElements, type MutableElements, type ObservedTable } from './table.ts';

const scalar = z.union([z.string(), z.number()]);
const value = z.union([scalar, z.object({ concat: z.array(scalar) })]);
const element = z.union([value, z.object({ elem: z.object({ val: value, comment: z.string().optional() }) })]);

const set = z.object({
  name: z.string(),
  type: z.union([z.string(), z.array(z.string())]),
  flags: z.array(z.string()).optional(),
  elem: z.array(element).optional(),
});
const chain = z.object({
  name: z.string(),
  type: z.string().optional(),
  hook: z.string().optional(),
  prio: z.number().optional(),
  policy: z.string().optional(),
});
const rule = z.object({ chain: z.string(), comment: z.string().optional() });
const listing = z.object({
  nftables: z.array(
    z.object({ set: set.optional(), map: set.optional(), chain: chain.optional(), rule: rule.optional() }),
  ),
});

type Value = z.output<typeof value>;

/**
 * Parse the listings of both tables; an answer of another form is an error, never an emptier table. Without the one for
 * ARP the tables do not have the shape that they should have.
 */
export function parseListings(main: string, arp: string | null): NftResult<ObservedTable> {
  const elements = emptyElements();
  let shapeCurrent = arp !== null;
  for (const [table, text] of [
    [TABLE, main],
    [ARP_TABLE, arp],
  ] as const) {
    if (text === null) continue;
    const shape = parseListing(table, text, elements);
    if (!shape.ok) return shape;
    shapeCurrent &&= sameShape(shape.value, WANTED_SHAPES.get(table) ?? { sets: {}, chains: {} });
  }
  return { ok: true, value: { shapeCurrent, elements } };
}

/** The shape of one table; its elements go into `elements`. */
function parseListing(table: string, text: string, elements: MutableElements): NftResult<TableShape> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, message: 'nft -j printed something that is not JSON' };
  }
  const parsed = listing.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      ok: false,
      message: `nft -j printed an unknown form at ${issue?.path.join('.') ?? '?'}: ${issue?.message ?? ''}`,
    };
  }
  const sets: Record<string, string> = {};
  const chains: Record<string, { hook: string; rules: string[] }> = {};
  for (const item of parsed.data.nftables) {
    const found = item.set ?? item.map;
    if (found !== undefined) {
      const type = typeof found.type === 'string' ? found.type : found.type.join(' . ');
      sets[found.name] = found.flags === undefined ? type : `${type} flags ${found.flags.join(',')}`;
      if (isSetName(found.name) && tableOf(found.name) === table) {
        for (const entry of found.elem ?? []) {
          const plain = typeof entry === 'object' && 'elem' in entry ? entry.elem : { val: entry, comment: undefined };
          elements[found.name].set(elementText(plain.val), plain.comment ?? '');
        }
      }
    }
    if (item.chain !== undefined) chains[item.chain.name] = { hook: chainHook(item.chain), rules: [] };
    if (item.rule !== undefined) chains[item.rule.chain]?.rules.push(item.rule.comment ?? '');
  }
  return { ok: true, value: { sets, chains } };
}

function chainHook(found: z.output<typeof chain>): string {
  const { type, hook, prio, policy } = found;
  if (type === undefined || hook === undefined || prio === undefined) return '';
  if ((type !== 'filter' && type !== 'nat') || policy !== 'accept') return `${type} ${hook} ${prio} ${policy ?? ''}`;
  return hookText({ type, hook, priority: prio });
}

/** Without /etc/protocols nft prints a protocol's number. Only the middle of address . protocol . port is one. */
const PROTOCOL_NUMBERS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };

function elementText(val: Value): string {
  if (typeof val !== 'object') return String(val);
  return val.concat.map((part, index) => (index === 1 ? (PROTOCOL_NUMBERS[part] ?? part) : part)).join(' . ');
}

const isSetName = (name: string): name is SetName => SET_NAMES.some((known) => known === name);

/** The order of sets and chains means nothing, that of rules in a chain does. */
function sameShape(a: TableShape, b: TableShape): boolean {
  return canonical(a) === canonical(b);
}

function canonical(shape: TableShape): string {
  const sorted = <T>(record: Readonly<Record<string, T>>) =>
    Object.entries(record).toSorted(([x], [y]) => (x < y ? -1 : 1));
  return JSON.stringify([sorted(shape.sets), sorted(shape.chains)]);
}
