/**
 * Our nftables table: its sets, and a number of rules that does not depend on how many services there are. What grows
 * stands in sets. ARP has a family of its own in nftables, so a second, small table of the same name goes with it.
 *
 * Each rule carries a comment `name#hash` over its own text. So a rule that somebody took out, changed or put in is seen
 * without parsing nft's way of printing rules, which differs between versions.
 */
import { createHash } from 'node:crypto';

export const TABLE = 'inet lvs-director';
export const ARP_TABLE = 'arp lvs-director';

const address = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const endpoint = { 4: 'ipv4_addr . inet_proto . inet_service', 6: 'ipv6_addr . inet_proto . inet_service' } as const;

/**
 * vip: addresses that are ours alone, on which only declared ports answer (never an address of the node itself).
 * svc: declared ports, on any address. masq: those whose clients are masqueraded. ledger: IPVS services that we made;
 * the comment is the uid of the object.
 */
const IP_SETS = {
  vip4: address[4],
  vip6: address[6],
  svc4: endpoint[4],
  svc6: endpoint[6],
  masq4: endpoint[4],
  masq6: endpoint[6],
  ledger4: endpoint[4],
  ledger6: endpoint[6],
} as const;

/**
 * silent4: VIPs for which this director neither answers nor asks by ARP. The kernel answers on every interface for the
 * address of any (arp_ignore 0), a dummy's too; for IPv6 it answers only on the interface that has the address.
 */
const ARP_SETS = { silent4: address[4] } as const;

export const SETS = { ...IP_SETS, ...ARP_SETS } as const;

export type SetName = keyof typeof SETS;
export const SET_NAMES = Object.keys(SETS) as SetName[];

/** The table in which a set lives. */
export const tableOf = (set: SetName): string => (Object.hasOwn(ARP_SETS, set) ? ARP_TABLE : TABLE);

interface Chain {
  readonly name: string;
  /** Base chains have a hook; the others are jumped to. */
  readonly hook: { readonly type: 'filter' | 'nat'; readonly hook: string; readonly priority: number } | null;
  readonly rules: readonly { readonly name: string; readonly text: string }[];
}

const TRANSPORT = 'meta l4proto { tcp, udp, sctp }';
const toVip = (target: string) => [
  { name: 'vip4', text: `ip daddr @vip4 jump ${target}` },
  { name: 'vip6', text: `ip6 daddr @vip6 jump ${target}` },
];

/**
 * A declared port that a NodePort rule would take away is translated to itself first: after that the connection has its
 * destination NAT, and no later chain gives it another. IPVS comes after both.
 */
const toItself = [
  { name: 'svc4', text: `${TRANSPORT} ip daddr . meta l4proto . th dport @svc4 dnat ip to ip daddr` },
  { name: 'svc6', text: `${TRANSPORT} ip6 daddr . meta l4proto . th dport @svc6 dnat ip6 to ip6 daddr` },
];

/**
 * Priorities: destination NAT of kube-proxy and the like is at -100, IPVS in input at 98 and 99, in output at -99 and
 * -98 (net/netfilter/ipvs/ip_vs_core.c), source NAT at 100.
 *
 * `ct original` is what IPVS leaves alone: it changes the reply tuple only and sets no DST_NAT status
 * (ip_vs_nfct.c:ip_vs_update_conntrack), so `ct status dnat` would never match. nft 1.0.6 takes `proto-dst` in a
 * concatenation only after a `meta l4proto` in the same rule.
 */
const CHAINS: readonly Chain[] = [
  {
    name: 'to-vip',
    hook: null,
    rules: [
      { name: 'declared4', text: 'ip daddr . meta l4proto . th dport @svc4 accept' },
      { name: 'declared6', text: 'ip6 daddr . meta l4proto . th dport @svc6 accept' },
      { name: 'established', text: 'ct state established,related accept' },
      { name: 'icmp', text: 'meta l4proto { icmp, ipv6-icmp } accept' },
      { name: 'undeclared', text: 'counter drop' },
    ],
  },
  {
    name: 'not-balanced',
    hook: null,
    rules: [
      { name: 'established', text: 'ct state established,related accept' },
      { name: 'icmp', text: 'meta l4proto { icmp, ipv6-icmp } accept' },
      { name: 'unserved', text: 'counter reject' },
    ],
  },
  { name: 'prerouting-filter', hook: { type: 'filter', hook: 'prerouting', priority: -110 }, rules: toVip('to-vip') },
  { name: 'output-filter', hook: { type: 'filter', hook: 'output', priority: -110 }, rules: toVip('to-vip') },
  { name: 'prerouting-nat', hook: { type: 'nat', hook: 'prerouting', priority: -101 }, rules: toItself },
  { name: 'output-nat', hook: { type: 'nat', hook: 'output', priority: -101 }, rules: toItself },
  { name: 'input-filter', hook: { type: 'filter', hook: 'input', priority: 101 }, rules: toVip('not-balanced') },
  {
    name: 'postrouting-nat',
    hook: { type: 'nat', hook: 'postrouting', priority: 100 },
    rules: [
      {
        name: 'masq4',
        text: `${TRANSPORT} ct original ip daddr . meta l4proto . ct original proto-dst @masq4 counter masquerade fully-random`,
      },
      {
        name: 'masq6',
        text: `${TRANSPORT} ct original ip6 daddr . meta l4proto . ct original proto-dst @masq6 counter masquerade fully-random`,
      },
      // A client on the director itself takes the VIP as its source; a real server could not answer to it.
      { name: 'local4', text: 'ip saddr @vip4 oif != "lo" counter masquerade fully-random' },
      { name: 'local6', text: 'ip6 saddr @vip6 oif != "lo" counter masquerade fully-random' },
    ],
  },
];

/** Requests and replies that carry such an address, in whatever field: a request from us would move it to us in caches. */
const ARP_CHAINS: readonly Chain[] = [
  {
    name: 'input',
    hook: { type: 'filter', hook: 'input', priority: 0 },
    rules: [{ name: 'asked', text: 'arp daddr ip @silent4 counter drop' }],
  },
  {
    name: 'output',
    hook: { type: 'filter', hook: 'output', priority: 0 },
    rules: [{ name: 'told', text: 'arp saddr ip @silent4 counter drop' }],
  },
];

interface TableDefinition {
  readonly table: string;
  readonly sets: Readonly<Record<string, string>>;
  readonly chains: readonly Chain[];
}

const DEFINITIONS: readonly TableDefinition[] = [
  { table: TABLE, sets: IP_SETS, chains: CHAINS },
  { table: ARP_TABLE, sets: ARP_SETS, chains: ARP_CHAINS },
];

const commentOf = (chain: string, rule: { name: string; text: string }): string =>
  `${rule.name}#${createHash('sha256').update(`${chain} ${rule.text}`).digest('hex').slice(0, 8)}`;

/** The shape of a table, in the words in which `nft -j` describes one; two tables of the same shape behave alike. */
export interface TableShape {
  readonly sets: Readonly<Record<string, string>>;
  readonly chains: Readonly<Record<string, { readonly hook: string; readonly rules: readonly string[] }>>;
}

/** The shapes that our tables should have, by table. */
export const WANTED_SHAPES: ReadonlyMap<string, TableShape> = new Map(
  DEFINITIONS.map(({ table, sets, chains }) => [
    table,
    {
      sets,
      chains: Object.fromEntries(
        chains.map((chain) => [
          chain.name,
          { hook: hookText(chain.hook), rules: chain.rules.map((rule) => commentOf(chain.name, rule)) },
        ]),
      ),
    },
  ]),
);

/** `filter prerouting -110 accept`, or an empty text for a chain without a hook. */
export function hookText(hook: Chain['hook']): string {
  return hook === null ? '' : `${hook.type} ${hook.hook} ${hook.priority} accept`;
}

/** nft input that makes both tables new and empty, in place of those that may be there. */
export const tableText = (): string => DEFINITIONS.map(definitionText).join('\n');

/** nft input that takes both tables away, whether they are there or not. */
export const removalText = (): string =>
  DEFINITIONS.map(({ table }) => `add table ${table}\ndelete table ${table}`).join('\n');

function definitionText({ table, sets, chains }: TableDefinition): string {
  const lines = [`add table ${table}`, `delete table ${table}`, `table ${table} {`];
  for (const [name, type] of Object.entries(sets)) lines.push(`  set ${name} { type ${type}; }`);
  for (const chain of chains) {
    lines.push(`  chain ${chain.name} {`);
    if (chain.hook !== null) {
      lines.push(`    type ${chain.hook.type} hook ${chain.hook.hook} priority ${chain.hook.priority}; policy accept;`);
    }
    for (const rule of chain.rules) lines.push(`    ${rule.text} comment "${commentOf(chain.name, rule)}"`);
    lines.push('  }');
  }
  lines.push('}');
  return lines.join('\n');
}
