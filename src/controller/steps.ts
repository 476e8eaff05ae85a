/**
 * The steps of a plan: what `apply` executes and what `plan` prints are these same values.
 */
import type { LinkChange } from '../host/links.ts';
import type { NetfilterChange } from '../host/netfilter/table.ts';
import { netfilterWords } from '../host/netfilter/table.ts';
import { linkWords } from '../host/rtnetlink-words.ts';
import { type SysctlSetting, sysctlWords } from '../host/sysctl.ts';
import type { IpvsChange } from '../ipvs/client.ts';
import { ipvsWords } from '../ipvs/words.ts';
import type { Owner } from './desired.ts';

interface StepBase {
  /** The object for which it is done; null for what all objects share. */
  readonly owner: Owner | null;
  /** Key text of the IPVS service that it belongs to; what fails here stops only what belongs to the same. */
  readonly service: string | null;
  /** It takes something away; that needs a second look that agrees. */
  readonly removes: boolean;
}

export type Step =
  | (StepBase & { readonly layer: 'link'; readonly change: LinkChange })
  | (StepBase & { readonly layer: 'netfilter'; readonly change: NetfilterChange })
  | (StepBase & { readonly layer: 'ipvs'; readonly change: IpvsChange })
  /** Done by `init` only. */
  | (StepBase & { readonly layer: 'sysctl'; readonly change: SysctlSetting });

export const STEP_KINDS = [
  'link create-dummy',
  'link set-up',
  'link delete-link',
  'link add-address',
  'link delete-address',
  'netfilter create-table',
  'netfilter add-element',
  'netfilter delete-element',
  'netfilter delete-table',
  'ipvs new-service',
  'ipvs set-service',
  'ipvs delete-service',
  'ipvs new-destination',
  'ipvs set-destination',
  'ipvs delete-destination',
  'sysctl set',
] as const;

export type StepKind = (typeof STEP_KINDS)[number];

export const stepKind = (step: Step): StepKind =>
  step.layer === 'sysctl' ? 'sysctl set' : (`${step.layer} ${step.change.verb}` as StepKind);

/** One command line in the words of ipvsadm, nft, ip or sysctl; the table's creation is many lines. */
export function stepWords(step: Step): string {
  switch (step.layer) {
    case 'link':
      return linkWords(step.change);
    case 'netfilter':
      return step.change.verb === 'create-table'
        ? netfilterWords(step.change)
        : `nft ${quoted(netfilterWords(step.change))}`;
    case 'ipvs':
      return ipvsWords(step.change);
    case 'sysctl':
      return sysctlWords(step.change);
  }
}

/** Steps that are the same change, for the comparison of two plans. */
export const sameStep = (a: Step, b: Step): boolean => stepIdentity(a) === stepIdentity(b);
export const stepIdentity = (step: Step): string => `${step.layer} ${JSON.stringify(step.change)}`;

const quoted = (text: string): string => `'${text}'`;
