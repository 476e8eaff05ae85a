/** Every kind of step has its words; a kind without a case here does not pass type checking. */
import { describe, expect, it } from 'vitest';
import {
  sameStep,
  type Step,
  STEP_KINDS,
  stepIdentity,
  type StepKind,
  stepKind,
  stepWords,
} from '../../../src/controller/steps.ts';
import { tableText } from '../../../src/host/netfilter/ruleset.ts';
import {
  addAddress,
  addElement,
  createDevice,
  createTable,
  deleteAddress,
  deleteDestination,
  deleteElement,
  deleteService,
  linkStep,
  newDestination,
  newService,
  nftStep,
  setDestination,
  setService,
  sysctlStep,
} from '../../support/steps.ts';

const WEB = 'TCP/10.0.0.1:80';
const SIX = 'UDP/[2001:db8::1]:53';

const CASES: Readonly<Record<StepKind, readonly (readonly [Step, string])[]>> = {
  'link create-dummy': [
    [createDevice, 'ip link add dummy-lvs up type dummy && ip link set dummy-lvs alias lvs-director'],
  ],
  'link set-up': [[linkStep({ verb: 'set-up', name: 'dummy-lvs' }), 'ip link set dummy-lvs up']],
  'link delete-link': [[linkStep({ verb: 'delete-link', name: 'dummy-lvs' }), 'ip link delete dummy-lvs']],
  'link add-address': [
    [addAddress('10.0.0.1'), 'ip address replace 10.0.0.1/32 dev dummy-lvs'],
    [addAddress('2001:db8::1'), 'ip address replace 2001:db8::1/128 dev dummy-lvs nodad'],
  ],
  'link delete-address': [
    [deleteAddress('10.0.0.1'), 'ip address delete 10.0.0.1/32 dev dummy-lvs'],
    [deleteAddress('2001:db8::1'), 'ip address delete 2001:db8::1/128 dev dummy-lvs'],
  ],
  'netfilter create-table': [[createTable, tableText()]],
  'netfilter add-element': [
    [addElement(WEB), "nft 'add element inet lvs-director svc4 { 10.0.0.1 . tcp . 80 }'"],
    [
      nftStep({ verb: 'add-element', set: 'ledger6', element: '2001:db8::1 . udp . 53', comment: 'u-1' }),
      `nft 'add element inet lvs-director ledger6 { 2001:db8::1 . udp . 53 comment "u-1" }'`,
    ],
  ],
  'netfilter delete-element': [
    [deleteElement(WEB), "nft 'delete element inet lvs-director svc4 { 10.0.0.1 . tcp . 80 }'"],
  ],
  'netfilter delete-table': [
    [
      nftStep({ verb: 'delete-table' }),
      "nft 'add table inet lvs-director\ndelete table inet lvs-director\nadd table arp lvs-director\ndelete table arp lvs-director'",
    ],
  ],
  'ipvs new-service': [
    [newService(WEB, 'rr'), 'ipvsadm -A -t 10.0.0.1:80 -s rr'],
    [newService(SIX), 'ipvsadm -A -u [2001:db8::1]:53 -s wlc'],
  ],
  'ipvs set-service': [[setService(WEB, 'sh'), 'ipvsadm -E -t 10.0.0.1:80 -s sh']],
  'ipvs delete-service': [[deleteService('SCTP/10.0.0.1:9'), 'ipvsadm -D --sctp-service 10.0.0.1:9']],
  'ipvs new-destination': [
    [newDestination(SIX, '[2001:db8::2]:53', 4), 'ipvsadm -a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -m -w 4'],
  ],
  'ipvs set-destination': [[setDestination(WEB, '10.1.0.1:80', 0), 'ipvsadm -e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 0']],
  'ipvs delete-destination': [[deleteDestination(WEB, '10.1.0.1:80'), 'ipvsadm -d -t 10.0.0.1:80 -r 10.1.0.1:80']],
  'sysctl set': [
    [
      sysctlStep({ name: 'net.ipv4.ip_forward', value: '1', required: true, family: 'ipv4', why: 'it forwards' }),
      'sysctl -w net.ipv4.ip_forward=1',
    ],
  ],
};

const ALL = STEP_KINDS.flatMap((kind) => CASES[kind].map(([step, words]) => ({ kind, step, words })));

describe('a step', () => {
  it.each(ALL)('of kind $kind is said as $words', ({ kind, step, words }) => {
    expect(stepKind(step)).toBe(kind);
    expect(stepWords(step)).toBe(words);
  });

  it('has a case here for every kind', () => {
    expect(Object.keys(CASES)).toEqual([...STEP_KINDS]);
  });

  it('is the same as another when it is the same change of the same layer, for whomever it is done', () => {
    const other: Step = { ...newService(WEB), owner: { uid: 'u', name: 'default/web' }, service: null, removes: true };
    expect(sameStep(newService(WEB), other)).toBe(true);
    expect(sameStep(newService(WEB), newService(WEB, 'rr'))).toBe(false);
    expect(sameStep(newService(WEB), setService(WEB))).toBe(false);
    expect(new Set(ALL.map(({ step }) => stepIdentity(step))).size).toBe(ALL.length);
    const address = { verb: 'delete-link', name: 'x' } as const;
    expect(stepIdentity(linkStep(address))).toBe('link {"verb":"delete-link","name":"x"}');
  });
});
