/** Our nftables table: its text, what a listing of it says, and the way from one state to another. */
import { describe, expect, it } from 'vitest';
import { parseListings } from '../../../src/host/netfilter/listing.ts';
import {
  hookText,
  SET_NAMES,
  TABLE,
  ARP_TABLE,
  tableText,
  WANTED_SHAPES,
} from '../../../src/host/netfilter/ruleset.ts';
import type { TableShape } from '../../../src/host/netfilter/ruleset.ts';
import {
  elementChanges,
  emptyElements,
  endpointElement,
  netfilterWords,
  parseEndpointElement,
  transactionText,
} from '../../../src/host/netfilter/table.ts';

const shapeOf = (table: string): TableShape => {
  const shape = WANTED_SHAPES.get(table);
  if (shape === undefined) throw new Error(`no shape of ${table}`);
  return shape;
};
const WANTED_SHAPE = shapeOf(TABLE);

/** What `nft -j list table` prints for a table of our shape, with `elements` in its sets. */
function listing(
  elements: Partial<Record<string, unknown[]>> = {},
  shape = WANTED_SHAPE,
): { nftables: Record<string, unknown>[] } {
  const nftables: Record<string, unknown>[] = [{ metainfo: { version: '1.0.6' } }, { table: { name: 'lvs-director' } }];
  for (const [name, type] of Object.entries(shape.sets)) {
    const types = type.split(' . ');
    nftables.push({
      set: { name, type: types.length === 1 ? type : types, ...(elements[name] && { elem: elements[name] }) },
    });
  }
  for (const [name, { hook, rules }] of Object.entries(shape.chains)) {
    const [type, at, priority, policy] = hook.split(' ');
    nftables.push({ chain: hook === '' ? { name } : { name, type, hook: at, prio: Number(priority), policy } });
    for (const comment of rules) nftables.push({ rule: { chain: name, comment, expr: [{ accept: null }] } });
  }
  return { nftables };
}
const arpListing = (elements: Partial<Record<string, unknown[]>> = {}) => listing(elements, shapeOf(ARP_TABLE));
const parse = (json: object, arp: object | null = arpListing()) => {
  const parsed = parseListings(JSON.stringify(json), arp === null ? null : JSON.stringify(arp));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};
const shapeAfter = (change: (items: Record<string, unknown>[]) => void): boolean => {
  const json = listing();
  change(json.nftables);
  return parse(json).shapeCurrent;
};
const indexOf = (items: Record<string, unknown>[], kind: string): number => items.findIndex((item) => kind in item);

describe('a listing', () => {
  it('is of both tables: silent addresses come from the one for ARP, without which the shape is not current', () => {
    const found = parse(listing(), arpListing({ silent4: ['192.168.112.200'] }));
    expect(found.shapeCurrent).toBe(true);
    expect([...found.elements.silent4.keys()]).toEqual(['192.168.112.200']);
    expect(parse(listing(), null).shapeCurrent).toBe(false);
    expect(parse(listing({ silent4: ['192.168.112.200'] })).elements.silent4.size).toBe(0);
    const changed = arpListing();
    changed.nftables.splice(
      changed.nftables.findIndex((item) => 'rule' in item),
      1,
    );
    expect(parse(listing(), changed).shapeCurrent).toBe(false);
  });

  it('of what we wrote is current and has its elements', () => {
    const concat = ['192.168.112.152', 'tcp', 81];
    const found = parse(
      listing({
        vip4: ['10.0.0.1', '10.0.0.2'],
        svc4: [{ concat }],
        masq6: [{ concat: ['2001:db8::1', 'udp', 53] }],
        ledger4: [{ elem: { val: { concat }, comment: 'uid-1' } }],
      }),
    );
    expect(found.shapeCurrent).toBe(true);
    expect(found.elements).toEqual({
      ...emptyElements(),
      vip4: new Map([
        ['10.0.0.1', ''],
        ['10.0.0.2', ''],
      ]),
      svc4: new Map([['192.168.112.152 . tcp . 81', '']]),
      masq6: new Map([['2001:db8::1 . udp . 53', '']]),
      ledger4: new Map([['192.168.112.152 . tcp . 81', 'uid-1']]),
    });
  });

  it('may name protocols by number, and a port of the same number is none', () => {
    const found = parse(listing({ svc4: [{ concat: ['10.0.0.1', 6, 17] }, { concat: ['10.0.0.1', 132, 6] }] }));
    expect([...found.elements.svc4.keys()]).toEqual(['10.0.0.1 . tcp . 17', '10.0.0.1 . sctp . 6']);
  });

  it('shows a rule that is gone, added, changed or out of order', () => {
    expect(shapeAfter((items) => items.splice(indexOf(items, 'rule'), 1))).toBe(false);
    expect(shapeAfter((items) => items.push({ rule: { chain: 'to-vip', expr: [] } }))).toBe(false);
    expect(
      shapeAfter((items) => (items[indexOf(items, 'rule')] = { rule: { chain: 'to-vip', comment: 'declared4#0' } })),
    ).toBe(false);
    expect(
      shapeAfter((items) => {
        const first = indexOf(items, 'rule');
        items.splice(first, 2, ...items.slice(first, first + 2).toReversed());
      }),
    ).toBe(false);
  });

  it('shows a chain or a set that is gone, added or different', () => {
    expect(shapeAfter((items) => items.splice(indexOf(items, 'chain'), 1))).toBe(false);
    expect(shapeAfter((items) => items.push({ chain: { name: 'more' } }))).toBe(false);
    expect(shapeAfter((items) => items.push({ set: { name: 'more', type: 'ipv4_addr' } }))).toBe(false);
    expect(shapeAfter((items) => items.push({ map: { name: 'more', type: 'ipv4_addr' } }))).toBe(false);
    expect(shapeAfter((items) => (items[indexOf(items, 'set')] = { set: { name: 'vip4', type: 'ipv6_addr' } }))).toBe(
      false,
    );
    expect(
      shapeAfter(
        (items) => (items[indexOf(items, 'set')] = { set: { name: 'vip4', type: 'ipv4_addr', flags: ['interval'] } }),
      ),
    ).toBe(false);
    const chain = (name: string, more: object) => (items: Record<string, unknown>[]) => {
      const index = items.findIndex((item) => (item['chain'] as { name?: string } | undefined)?.name === name);
      items[index] = { chain: { ...(items[index]?.['chain'] as object), ...more } };
    };
    expect(shapeAfter(chain('input-filter', {}))).toBe(true);
    expect(shapeAfter(chain('input-filter', { prio: 0 }))).toBe(false);
    expect(shapeAfter(chain('input-filter', { policy: 'drop' }))).toBe(false);
    expect(shapeAfter(chain('input-filter', { hook: 'output' }))).toBe(false);
    expect(shapeAfter(chain('input-filter', { type: 'route' }))).toBe(false);
    expect(shapeAfter(chain('to-vip', { type: 'filter', hook: 'input', prio: 0, policy: 'accept' }))).toBe(false);
  });

  it('does not care about the order of sets and chains', () => {
    const json = listing();
    expect(
      parse({
        nftables: json.nftables
          .filter((item) => !('rule' in item))
          .toReversed()
          .concat(json.nftables.filter((item) => 'rule' in item)),
      }).shapeCurrent,
    ).toBe(true);
  });

  it('of another form is an error, never an emptier table', () => {
    expect(parseListings('', null)).toEqual({ ok: false, message: 'nft -j printed something that is not JSON' });
    expect(parseListings('{}', null)).toMatchObject({ ok: false });
    expect(parseListings(JSON.stringify(listing({ vip4: [{ range: ['a', 'b'] }] })), null)).toMatchObject({
      ok: false,
      message: expect.stringContaining('nft -j printed an unknown form at nftables.2.set.elem.0'),
    });
  });
});

describe('elements', () => {
  const four = { family: 'ipv4', protocol: 'TCP', address: '10.0.0.1', port: 80 } as const;
  const six = { family: 'ipv6', protocol: 'SCTP', address: '2001:db8::1', port: 65_535 } as const;

  it('name a service and are read back', () => {
    expect(endpointElement(four)).toBe('10.0.0.1 . tcp . 80');
    expect(parseEndpointElement('ledger4', endpointElement(four))).toEqual(four);
    expect(parseEndpointElement('ledger6', endpointElement(six))).toEqual(six);
  });

  it.each(['', '10.0.0.1', '10.0.0.1 . tcp', '10.0.0.1 . icmp . 80', '10.0.0.1 . tcp . x', '10.0.0.1 . tcp . 123456'])(
    'that we never write are not read: %j',
    (element) => {
      expect(parseEndpointElement('ledger4', element)).toBeNull();
    },
  );

  it('change by deletions first, and a changed comment is both', () => {
    const from = {
      ...emptyElements(),
      vip4: new Map([
        ['1.1.1.1', ''],
        ['2.2.2.2', ''],
      ]),
      ledger4: new Map([['a', 'one']]),
    };
    const to = {
      ...emptyElements(),
      vip4: new Map([
        ['2.2.2.2', ''],
        ['3.3.3.3', ''],
      ]),
      ledger4: new Map([['a', 'two']]),
    };
    expect(elementChanges(from, to).map(netfilterWords)).toEqual([
      'delete element inet lvs-director vip4 { 1.1.1.1 }',
      'delete element inet lvs-director ledger4 { a }',
      'add element inet lvs-director vip4 { 3.3.3.3 }',
      'add element inet lvs-director ledger4 { a comment "two" }',
    ]);
    expect(elementChanges(to, to)).toEqual([]);
  });

  it('go into one transaction, a line each', () => {
    const text = transactionText([
      { verb: 'delete-table' },
      { verb: 'add-element', set: 'vip4', element: '1.1.1.1', comment: '' },
    ]);
    expect(text).toBe(
      [
        'add table inet lvs-director',
        'delete table inet lvs-director',
        'add table arp lvs-director',
        'delete table arp lvs-director',
        'add element inet lvs-director vip4 { 1.1.1.1 }',
        '',
      ].join('\n'),
    );
    const silent = { verb: 'add-element', set: 'silent4', element: '1.1.1.1', comment: '' } as const;
    expect(netfilterWords(silent)).toBe('add element arp lvs-director silent4 { 1.1.1.1 }');
  });
});

describe('the table', () => {
  it('replaces one that is there, in one transaction', () => {
    const text = netfilterWords({ verb: 'create-table' });
    expect(text).toBe(tableText());
    expect(
      text.startsWith('add table inet lvs-director\ndelete table inet lvs-director\ntable inet lvs-director {\n'),
    ).toBe(true);
    for (const name of SET_NAMES) expect(text).toContain(`  set ${name} { type `);
  });

  it('filters before destination NAT and denies after IPVS', () => {
    expect(WANTED_SHAPE.chains['prerouting-filter']?.hook).toBe('filter prerouting -110 accept');
    expect(WANTED_SHAPE.chains['prerouting-nat']?.hook).toBe('nat prerouting -101 accept');
    expect(WANTED_SHAPE.chains['input-filter']?.hook).toBe('filter input 101 accept');
    expect(WANTED_SHAPE.chains['postrouting-nat']?.hook).toBe('nat postrouting 100 accept');
    expect(hookText(null)).toBe('');
  });

  it('gives every rule a comment of its own text, short enough for nft', () => {
    const comments = Object.values(WANTED_SHAPE.chains).flatMap((chain) => chain.rules);
    expect(comments.every((comment) => /^[a-z0-9]+#[0-9a-f]{8}$/.test(comment))).toBe(true);
    for (const comment of comments) expect(tableText()).toContain(` comment "${comment}"`);
  });
});
