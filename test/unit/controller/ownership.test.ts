/** Which services are ours, by the ledger and the witness. */
import { describe, expect, it } from 'vitest';
import { ownedEntries, parseServiceKeyText, resolveOwnership } from '../../../src/controller/ownership.ts';
import { emptyElements } from '../../../src/host/netfilter/table.ts';
import type { WitnessServices } from '../../../src/host/witness.ts';
import { type AddressServiceKey, serviceKeyText } from '../../../src/ipvs/types.ts';

const KEY = 'TCP/10.0.0.1:80';
const ELEMENT = '10.0.0.1 . tcp . 80';
const witness = (settled: boolean, key = KEY): WitnessServices =>
  new Map([[key, { uid: 'w', name: 'default/web', masquerade: true, settled, silent: false }]]);
const ledger = (...elements: [string, string][]) => ({ ...emptyElements(), ledger4: new Map(elements) });
const uids = (...args: Parameters<typeof resolveOwnership>): Record<string, string> =>
  Object.fromEntries([...resolveOwnership(...args)].map(([text, { uid }]) => [text, uid]));

describe('what is ours', () => {
  it.each([
    ['nothing without ledger and witness', null, null, {}],
    ['nothing with an empty ledger and no witness', ledger(), null, {}],
    ['what the ledger names', ledger([ELEMENT, 'l']), null, { [KEY]: 'l' }],
    ['what a settled witness names beside a ledger that lacks it', ledger(), witness(true), { [KEY]: 'w' }],
    ['not what an unsettled witness names beside a ledger that lacks it', ledger(), witness(false), {}],
    ['what a settled witness names when the table is lost', null, witness(true), { [KEY]: 'w' }],
    ['what an unsettled witness names when the table is lost', null, witness(false), { [KEY]: 'w' }],
    ['by the ledger when both name it', ledger([ELEMENT, 'l']), witness(true), { [KEY]: 'l' }],
    ['by the ledger when the witness is not settled', ledger([ELEMENT, 'l']), witness(false), { [KEY]: 'l' }],
    [
      'what either of them names',
      ledger(['10.0.0.2 . udp . 53', 'l']),
      witness(true),
      { [KEY]: 'w', 'UDP/10.0.0.2:53': 'l' },
    ],
    ['nothing that the ledger cannot mean', ledger(['10.0.0.1', 'l'], ['10.0.0.1 . icmp . 1', 'l']), null, {}],
    ['nothing that the witness cannot mean', null, witness(true, 'mark/ipv4/7'), {}],
  ])('is %s', (_what, elements, entries, expected) => {
    expect(uids(elements, entries)).toEqual(expected);
  });

  it('has whole keys, IPv6 too', () => {
    const six: AddressServiceKey = { family: 'ipv6', protocol: 'UDP', address: '2001:db8::1', port: 53 };
    const elements = { ...emptyElements(), ledger6: new Map([['2001:db8::1 . udp . 53', 'six']]) };
    expect([...resolveOwnership(elements, null)]).toEqual([['UDP/[2001:db8::1]:53', { key: six, uid: 'six' }]]);
    expect([...resolveOwnership(null, witness(true, 'UDP/[2001:db8::1]:53'))]).toEqual([
      ['UDP/[2001:db8::1]:53', { key: six, uid: 'w' }],
    ]);
  });
});

describe('the text of a service key', () => {
  it.each<AddressServiceKey>([
    { family: 'ipv4', protocol: 'TCP', address: '10.0.0.1', port: 80 },
    { family: 'ipv4', protocol: 'UDP', address: '10.0.0.1', port: 0 },
    { family: 'ipv6', protocol: 'SCTP', address: '2001:db8::1', port: 65_535 },
    { family: 'ipv6', protocol: 'TCP', address: '64:ff9b::192.0.2.1', port: 1 },
  ])('is read back: $protocol $address $port', (key) => {
    expect(parseServiceKeyText(serviceKeyText(key))).toEqual(key);
  });

  it.each([
    '',
    'mark/ipv4/7',
    'ICMP/10.0.0.1:80',
    'TCP/10.0.0.1',
    'TCP/10.0.0.1:',
    'TCP/10.0.0.1:123456',
    'TCP/2001:db8::1:80',
    'TCP/[2001:db8::1]',
    ' TCP/10.0.0.1:80',
    'TCP/10.0.0.1:80 ',
    'TCP/[2001:db8::g]:80',
  ])('is nothing else: %j', (text) => {
    expect(parseServiceKeyText(text)).toBeNull();
  });
});

describe('what is ours, for who only looks', () => {
  it('has the name of the witness, or the uid of the ledger', () => {
    const elements = ledger([ELEMENT, 'l'], ['10.0.0.2 . udp . 53', 'l']);
    const names = [...ownedEntries(elements, witness(false))].map(([text, { name }]) => `${text} ${name}`);
    expect(names).toEqual([`${KEY} default/web`, 'UDP/10.0.0.2:53 object l']);
  });

  it('is not what somebody else has by now', () => {
    expect(ownedEntries(ledger(), witness(false))).toEqual(new Map());
  });
});
